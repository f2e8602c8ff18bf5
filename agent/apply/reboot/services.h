/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The one needrestart pass at the end of a run: which services still use files that it replaced.
 * They are listed, never restarted. */

#include "base/diag.h"
#include "report/outcome.h"

/* Fills services_to_restart, or services_note with what isn't known and why. -ENOMEM. */
int services_look(struct outcome *outcome) MUST_CHECK;
