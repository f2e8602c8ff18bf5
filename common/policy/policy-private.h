/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of the policy parser; only the *_json.c files and envelope.c include this. Each section of
 * a policy has a reader; all of them fill one struct policy, which policy_free() releases however
 * far they came.
 */

#include "base/json.h"
#include "policy/envelope.h"

enum {
        POLICY_ASSIGNMENTS_MAX = 1000,
        POLICY_BASELINES_MAX = 200,
        POLICY_WINDOWS_MAX = 200,
        POLICY_FEEDS_MAX = 100,
        POLICY_OPERATIONS_MAX = 1000,
        POLICY_RULES_MAX = 200,        /* of a baseline */
        POLICY_SELECTORS_MAX = 10000,  /* of one `approved` or `rejected` */
        POLICY_TAGS_MAX = 100,         /* of a match */
        POLICY_GLOBS_MAX = 1000,       /* of one list */
        POLICY_FEED_KEYS_MAX = 16,     /* of a feed */
        POLICY_NAME_MAX_BYTES = 128,   /* names and ids */
        POLICY_REASON_MAX_BYTES = 500, /* what people read */
};

/* The strict parser: everything but the names of JSON itself is checked, so that what comes out is
 * ready for use; the digest and is_signed are left to the caller. Returns -EINVAL with the JSON
 * path in diag, or -ENOMEM. */
int policy_from_json(const char *text, size_t size, const struct zone_loader *zones,
                     struct policy **ret, struct diag *diag) MUST_CHECK;

/* Names the refusal and gives -EBADMSG; a lack of memory stays what it is. */
int envelope_refuse(enum refusal *ret_refusal, enum refusal refusal, int error) MUST_CHECK;

/* ---- readers of whole sections ---- */

int policy_read_windows(const struct json_node *node, struct policy *policy,
                        const struct zone_loader *zones, struct diag *diag) MUST_CHECK;
int policy_read_baselines(const struct json_node *node, struct policy *policy,
                          const struct zone_loader *zones, struct diag *diag) MUST_CHECK;
int policy_read_assignments(const struct json_node *node, struct policy *policy,
                            const struct zone_loader *zones, struct diag *diag) MUST_CHECK;
int policy_read_feeds(const struct json_node *node, struct policy *policy,
                      const struct zone_loader *zones, struct diag *diag) MUST_CHECK;
int policy_read_operations(const struct json_node *node, struct policy *policy,
                           const struct zone_loader *zones, struct diag *diag) MUST_CHECK;

/* ---- readers of values, for field tables; see json.h ---- */

int policy_read_name(const struct json_node *node, const struct json_field *field, void *target,
                     struct diag *diag); /* char *; a short text */
int policy_read_id(const struct json_node *node, const struct json_field *field, void *target,
                   struct diag *diag); /* char *; fit for file names and URLs */
int policy_read_text(const struct json_node *node, const struct json_field *field, void *target,
                     struct diag *diag); /* char *; a sentence for people */
int policy_read_globs(const struct json_node *node, const struct json_field *field, void *target,
                      struct diag *diag); /* struct strv */
int policy_read_match(const struct json_node *node, const struct json_field *field, void *target,
                      struct diag *diag); /* struct match */
int policy_read_sha256(const struct json_node *node, const struct json_field *field, void *target,
                       struct diag *diag); /* char *; 64 lower-case hex digits */
int policy_read_later(const struct json_node *node, const struct json_field *field, void *target,
                      struct diag *diag); /* nothing; another call reads it */

/* ---- helpers ---- */

/* Makes room for one more zeroed item at the end of an array: `array` points at the pointer to it.
 * The item counts at once. Returns NULL when out of memory. */
void *policy_add_item(void *array, size_t *n_items, size_t item_size);

/* Whether the last item's name differs from all before it; the name (char *) is the first thing in
 * an item. `key` is what the format calls it. */
int policy_check_unique(const struct json_node *item, const char *key, const void *items,
                        size_t n_items, size_t item_size, struct diag *diag) MUST_CHECK;

/* Whether a member's name is a proper name of a baseline, window or tag. */
int policy_check_member_name(const struct json_node *member, struct diag *diag) MUST_CHECK;

/* json_fail() on a member of node, whether it is there or not. */
#define policy_fail_at(diag, node, key, ...)                                                       \
        json_fail(diag, &(struct json_node){.parent = (node), .name = (key)}, __VA_ARGS__)
