/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whether a report says something new. Pure. */

#include "base/diag.h"
#include "base/digest.h"

#include <stdbool.h>
#include <time.h>

enum { REPORT_REPEAT_SECONDS = 24 * 3600 };

/* The sum over a report without what differs in each one: sequence, evaluated_at,
 * index_age_seconds. Returns -EINVAL for what is no JSON object, -ENOMEM. */
int changes_digest(const char *report, char ret[static SHA256_TEXT_SIZE],
                   struct diag *diag) MUST_CHECK;

/* Whether a report is sent: its digest is not the last one's (NULL: none yet), a run has ended, or
 * the last one is a day old (or from the future: the clock was set back). */
bool changes_are_due(const char *digest, const char *last_digest, time_t last_at, bool after_run,
                     time_t now);
