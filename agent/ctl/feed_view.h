/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Feeds for commands that only read: what the root helper or the cycle keeps, as far as the caller
 * may read it, and file:// feeds. Nothing is fetched or written.
 */

#include "base/strv.h"
#include "ctl/ctl.h"
#include "packages/advisory.h"
#include "policy/assignment.h"
#include "policy/policy.h"

/* What the policy's feeds say for the node's system; NULL when it names none, or one is lacking.
 * Adds a sentence to lacking for each of those. Returns -ENOMEM. */
int feed_view_load(const struct ctl *ctl, const struct policy *policy, const struct node *node,
                   struct advisories **ret, struct strv *lacking) MUST_CHECK;
