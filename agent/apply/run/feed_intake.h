/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The helper's own feeds: it looks at what the cycle has fetched (below paths->state, which it does
 * not trust), takes what is newer into its own folder after checking it against the policy's keys
 * and its own version counters, and reads nothing but its own copies.
 */

#include "host/config.h"
#include "host/feed_set.h"

/* What the policy's feeds say, and a sentence for each that is lacking. Returns -ENOMEM. */
int feed_intake(const struct paths *paths, const struct policy *policy, const struct node *node,
                time_t now, struct advisories **ret, struct strv *lacking) MUST_CHECK;
