/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * CVSS vectors of versions 2.0, 3.0, 3.1 and 4.0 (the specifications of FIRST) to a score. For 2.0
 * and 3.x it is the base score: temporal and environmental metrics have to be well formed but do
 * not count, since nobody but the vendor's own site knows them. Version 4.0 has one score only, for
 * all metrics the vector has.
 */

#include "base/diag.h"
#include "policy/policy.h"

enum { CVSS_VECTOR_MAX_BYTES = 512, CVSS_SCORE_MAX_TENTHS = 100 };

/*
 * The score in tenths, 0..CVSS_SCORE_MAX_TENTHS. A vector without "CVSS:" at its start is one of
 * version 2.0. Returns -EINVAL for anything that is no complete vector: another version, an unknown
 * metric or value, one twice, a base metric missing.
 */
int cvss_score(const char *vector, int *ret_tenths, struct diag *diag) MUST_CHECK;

/* The qualitative scale of 3.x and 4.0, for every version; 0.0 ("None") is unspecified. */
enum severity cvss_severity(int tenths);
