/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* An OSV record cut to one release and to the members that osv.c reads: what a feed carries. */

#include "base/diag.h"
#include "packages/osv_release.h"

#include <stddef.h>

/*
 * Gives the record's text; the caller frees. NULL when it says nothing of the release: withdrawn,
 * about others, nothing fixed. osv_read_record() makes the same of both texts. Returns -EINVAL
 * (json_parse(), or no id), -ENOMEM.
 */
int osv_compact(const char *text, size_t size, const struct osv_release *release, char **ret,
                struct diag *diag) MUST_CHECK;
