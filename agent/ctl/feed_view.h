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

/* One feed that the policy names for this node. */
struct feed_found {
        char *id;
        int64_t version; /* 0: the policy pins its file, or it is lacking */
        time_t issued, expires;
        char *lacking; /* why it can't be read here; NULL: it can */
};

struct feeds_found {
        struct feed_found *items;
        size_t n_items;
};
void feeds_found_done(struct feeds_found *found);

/* What the policy's feeds say for the node's system; NULL when it names none, or one is lacking.
 * found has one item for each of them. Returns -ENOMEM. */
int feed_view_load(const struct ctl *ctl, const struct policy *policy, const struct node *node,
                   struct advisories **ret, struct feeds_found *found) MUST_CHECK;

/* What the cycle last had to say of a feed when it could not get a newer one: one sentence, for
 * who may read its state; else NULL. The caller frees. */
char *feed_view_trouble(const struct paths *paths, const char *id);
