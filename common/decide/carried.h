/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a version carries: every fix that lies in (installed, it], and so how severe it is. */

#include "decide/evaluate.h"

/* Fills classification, severity, advisories and CVEs of verdict->available. Returns -ENOMEM. */
int carried_classify(const struct evaluate_input *input, const struct package *package,
                     struct verdict *verdict) MUST_CHECK;

/* A negative result ends the walk and is passed on. */
typedef int (*carried_visit_fn)(const struct advisory *advisory, const struct advisory_fix *fix,
                                void *arg);

/* Visits the fixes that going from the installed version (none: from nothing) to available brings;
 * of the installed version itself, what it fixed itself. Also returns -ENOMEM. */
int carried_for_each(const struct evaluate_input *input, const struct package *package,
                     const struct available *available, carried_visit_fn visit,
                     void *arg) MUST_CHECK;
