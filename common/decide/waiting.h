/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Versions that wait for their approval under a baseline that asks when they were built: their
 * archives are fetched before they are approved, to read that date from them.
 */

#include "decide/plan.h"

/*
 * Every version that a rule may still approve and that the host itself would take; with only_unread
 * those alone whose archive could date them and has not been read. *ret borrows from the decisions'
 * inventory: free(ret->items) is all. No baseline, or one that does not ask: none. Returns -ENOMEM.
 */
int waiting_list(const struct decisions *decisions, bool only_unread,
                 struct plan_step *ret) MUST_CHECK;
