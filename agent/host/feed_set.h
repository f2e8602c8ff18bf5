/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The feeds that one policy names for this node's system, brought up to date in two steps, so that
 * a policy becomes active together with its feeds: gather (new manifests and files are verified,
 * compiled and put beside the old ones) and use (their manifests count from then on). Where they
 * come from is the caller's matter; file:// is read here.
 */

#include "host/feed_store.h"

struct feed_source {
        /* The manifest of a feed as it is now; stored (NULL: none) is the one that counts. Gives 1
         * with *ret, 0 when there is nothing newer than stored, or a negative errno. */
        int (*get_manifest)(const struct feed *feed, const struct blob *stored, struct blob *ret,
                            void *context, struct diag *diag);
        /* Writes the manifest's file to incoming. */
        int (*get_file)(const struct manifest *manifest, struct feed_incoming *incoming,
                        void *context, struct diag *diag);
        void *context;
};

struct feed_item {
        const struct feed *feed;   /* of the policy */
        struct manifest *manifest; /* verified, and its file is there; NULL: the feed is lacking */
        struct blob envelope;      /* of manifest; empty: stored already, or pinned */
        char *trouble;             /* one sentence; with a manifest: the last good one is kept */
        enum refusal refusal;      /* what kind of trouble; REFUSAL_NONE: another */
};

struct feed_set {
        char *folder; /* of the place */
        struct feed_item *items;
        size_t n_items;
};
void feed_set_done(struct feed_set *set);

/* Trouble with a feed is in its item. folder is that of a feed_place; policy has to outlive the
 * set. Returns -ENOMEM. */
int feed_set_gather(const char *folder, const struct policy *policy, const struct node *node,
                    time_t now, const struct feed_source *source, struct feed_set *ret) MUST_CHECK;

/* "feed 'debian-12' version 7", for the journal; the caller frees. NULL: out of memory. */
char *feed_item_text(const struct feed_item *item);

/* The first feed that is lacking; NULL: every feed is there. */
const struct feed_item *feed_set_lacking(const struct feed_set *set);

/* Makes what was gathered count; what can't be written falls back on the last good manifest.
 * Returns -ENOMEM. */
int feed_set_use(struct feed_set *set, time_t now) MUST_CHECK;

/* What the feeds say together; NULL when there are none, or when one is lacking: half of what is
 * known could approve what the other half forbids. Adds a sentence to lacking for each of those.
 * Returns -ENOMEM. */
int feed_set_load(const struct feed_set *set, const struct node *node, struct advisories **ret,
                  struct strv *lacking) MUST_CHECK;

/* Removes from the place what this set has no use for. */
int feed_set_sweep(const struct feed_set *set, struct diag *diag) MUST_CHECK;

/* When the first of them expires; 0: never. */
time_t feed_set_expires(const struct feed_set *set);
