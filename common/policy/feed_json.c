/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy-private.h"

#include "base/url.h"
#include "policy/keyring.h"
#include "policy/manifest.h"

#include <string.h>

static int read_format(const struct json_node *node, const struct json_field *field, void *target,
                       struct diag *diag)
{
        static const char *const texts[] = {"osv"};
        static const struct enum_table formats = ENUM_TABLE(texts);
        static const struct json_field value = {.detail = &formats};
        int format = 0, r;

        r = json_read_enum(node, &value, &format, diag);
        if (r < 0)
                return r;
        return json_read_string(node, field, target, diag);
}

static int read_url(const struct json_node *node, const struct json_field *field, void *target,
                    struct diag *diag)
{
        struct diag why = {0};
        int r;

        r = json_read_string(node, field, target, diag);
        if (r < 0)
                return r;
        r = url_check(*(char **)target, &why);
        if (r < 0)
                return json_fail(diag, node, "%s", diag_text(&why, r));
        return 0;
}

int policy_read_sha256(const struct json_node *node, const struct json_field *field, void *target,
                       struct diag *diag)
{
        const char *text;
        int r;

        r = json_read_string(node, field, target, diag);
        if (r < 0)
                return r;
        text = *(char **)target;
        if (strlen(text) != SHA256_TEXT_SIZE - 1 || text[strspn(text, "0123456789abcdef")] != '\0')
                return json_fail(diag, node, "is not a SHA-256 as 64 lower-case hex digits");
        return 0;
}

/* Keys are tried out here, so that a feed can't fail at the nodes for a slip of the pen. */
static int read_keys(const struct json_node *node, const struct json_field *field, void *target,
                     struct diag *diag)
{
        CLEANUP(keyring_freep) struct keyring *keyring = keyring_new();
        struct strv *keys = target;
        int r;

        if (!keyring)
                return -ENOMEM;
        if (json_length(node->value) > POLICY_FEED_KEYS_MAX)
                return json_fail(diag, node, "has %zu items, more than %d",
                                 json_length(node->value), POLICY_FEED_KEYS_MAX);
        r = json_read_strings(node, field, keys, diag);
        if (r < 0)
                return r;
        for (size_t i = 0; i < keys->n_items; i++) {
                struct json_node item = {.parent = node, .index = i};
                struct diag why = {0};

                r = keyring_add_base64(keyring, keys->items[i], &why);
                if (r == -EINVAL)
                        return json_fail(diag, &item, "%s", diag_text(&why, r));
                if (r < 0)
                        return r;
        }
        return 0;
}

static const struct json_range size_range = {1, FEED_SIZE_MAX_BYTES};

static const struct json_field feed_fields[] = {
    {"id", policy_read_id, offsetof(struct feed, id), true, NULL},
    {"format", read_format, offsetof(struct feed, format), true, NULL},
    {"os", policy_read_globs, offsetof(struct feed, os), false, NULL},
    {"manifest_url", read_url, offsetof(struct feed, manifest_url), false, NULL},
    {"keys", read_keys, offsetof(struct feed, keys), false, NULL},
    {"url", read_url, offsetof(struct feed, url), false, NULL},
    {"sha256", policy_read_sha256, offsetof(struct feed, sha256), false, NULL},
    {"size_bytes", json_read_int, offsetof(struct feed, size_bytes), false, &size_range},
};

static int check_source(const struct json_node *item, const struct feed *feed, struct diag *diag)
{
        int n_signed = !!feed->manifest_url + (feed->keys.n_items > 0);
        int n_pinned = !!feed->url + !!feed->sha256 + (feed->size_bytes > 0);

        if ((n_signed == 2 && n_pinned == 0) || (n_signed == 0 && n_pinned == 3))
                return 0;
        return json_fail(diag, item,
                         "needs either 'manifest_url' and 'keys', or 'url', 'sha256' and "
                         "'size_bytes'");
}

static int read_feed(const struct json_node *item, void *arg, struct diag *diag)
{
        struct policy *policy = arg;
        struct feed *feed = policy_add_item(&policy->feeds, &policy->n_feeds, sizeof(*feed));
        int r;

        if (!feed)
                return -ENOMEM;
        r = json_read_object(item, feed_fields, ELEMENTSOF(feed_fields), feed, diag);
        if (r < 0)
                return r;
        r = check_source(item, feed, diag);
        if (r < 0)
                return r;
        return policy_check_unique(item, "id", policy->feeds, policy->n_feeds, sizeof(*feed), diag);
}

int policy_read_feeds(const struct json_node *node, struct policy *policy,
                      const struct zone_loader *zones, struct diag *diag)
{
        (void)zones;
        return json_read_items(node, POLICY_FEEDS_MAX, read_feed, policy, diag);
}
