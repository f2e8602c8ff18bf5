/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a version carries: every fix that lies in (installed, it], and so how severe it is. */

#include "decide/evaluate.h"

/* Fills classification, severity, advisories and CVEs of verdict->available. Returns -ENOMEM. */
int carried_classify(const struct evaluate_input *input, const struct package *package,
                     struct verdict *verdict) MUST_CHECK;
