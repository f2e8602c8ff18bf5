/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/manifest.h"

#include "base/str.h"
#include "base/url.h"
#include "policy/policy-private.h"

#include <string.h>

#define MANIFEST_TYPE        "patchd.feed.v1"
#define MANIFEST_VERSION_MAX ((int64_t)1 << 53) /* exact in every JSON reader */

void manifest_free(struct manifest *manifest)
{
        if (!manifest)
                return;
        free(manifest->id);
        free(manifest->url);
        free(manifest->sha256);
        free(manifest);
}

/* ---- the strict parser ---- */

static int read_type(const struct json_node *node, const struct json_field *field, void *target,
                     struct diag *diag)
{
        (void)field;
        (void)target;
        if (str_equal(json_string(node->value), MANIFEST_TYPE))
                return 0;
        return json_fail(diag, node, "is not '%s'", MANIFEST_TYPE);
}

static const struct json_range version_range = {1, MANIFEST_VERSION_MAX};
static const struct json_range size_range = {1, FEED_SIZE_MAX_BYTES};

static const struct json_field fields[] = {
    {"type", read_type, 0, true, NULL},
    {"id", policy_read_id, offsetof(struct manifest, id), true, NULL},
    {"version", json_read_int, offsetof(struct manifest, version), true, &version_range},
    {"issued", json_read_time, offsetof(struct manifest, issued), true, NULL},
    {"expires", json_read_time, offsetof(struct manifest, expires), true, NULL},
    {"url", json_read_string, offsetof(struct manifest, url), true, NULL},
    {"sha256", policy_read_sha256, offsetof(struct manifest, sha256), true, NULL},
    {"size_bytes", json_read_int, offsetof(struct manifest, size_bytes), true, &size_range},
};

/* base NULL: a relative url stays. A signer on the network can't name files of the node. */
static int resolve_url(const struct json_node *root, const char *base, struct manifest *manifest,
                       struct diag *diag)
{
        struct diag why = {0};
        char *url = NULL;
        int r;

        if (!base)
                return 0;
        r = url_resolve(base, manifest->url, &url, &why);
        if (r < 0)
                return r == -ENOMEM ? r : policy_fail_at(diag, root, "url", "%s", why.text);
        free(manifest->url);
        manifest->url = url;
        if (str_has_prefix(url, "file:") && !str_has_prefix(base, "file:"))
                return policy_fail_at(diag, root, "url",
                                      "a manifest from the network can't name the local file '%s'",
                                      url);
        return 0;
}

static int parse(const struct blob *payload, const char *base, struct manifest **ret,
                 struct diag *diag)
{
        CLEANUP(manifest_freep) struct manifest *manifest = calloc(1, sizeof(*manifest));
        CLEANUP(json_freep) struct json *json = NULL;
        struct json_node root = {0};
        int r;

        if (!manifest)
                return -ENOMEM;
        r = json_parse(payload->data, payload->size, &json, diag);
        if (r < 0)
                return r;
        root.value = json;
        r = json_read_object(&root, fields, ELEMENTSOF(fields), manifest, diag);
        if (r < 0)
                return r;
        if (manifest->expires <= manifest->issued)
                return policy_fail_at(diag, &root, "expires", "is not after 'issued'");
        r = resolve_url(&root, base, manifest, diag);
        if (r < 0)
                return r;
        r = digest_of(payload->data, payload->size, manifest->digest);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(manifest);
        return 0;
}

/* ---- what the node expects ---- */

static int check_id(const struct manifest *manifest, const struct manifest_expectation *expectation,
                    struct diag *diag)
{
        if (strcmp(manifest->id, expectation->feed->id) == 0)
                return 0;
        return diag_fail(diag, -EBADMSG, "it is the manifest of feed '%s'", manifest->id);
}

static int check_rollback(const struct manifest *manifest,
                          const struct manifest_expectation *expectation, struct diag *diag)
{
        if (manifest->version < expectation->version)
                return diag_fail(diag, -EBADMSG,
                                 "version %lld is older than the stored version %lld (rollback); "
                                 "publish it again under a higher version",
                                 (long long)manifest->version, (long long)expectation->version);
        if (manifest->version == expectation->version && expectation->digest &&
            strcmp(manifest->digest, expectation->digest) != 0)
                return diag_fail(diag, -EBADMSG,
                                 "version %lld has other content than the stored version %lld; "
                                 "publish every change under a higher version",
                                 (long long)manifest->version, (long long)expectation->version);
        return 0;
}

static int check_issued(const struct manifest *manifest,
                        const struct manifest_expectation *expectation, struct diag *diag)
{
        char issued[TIME_TEXT_SIZE];

        if (expectation->ignore_times ||
            manifest->issued <= expectation->now + ENVELOPE_ISSUED_SKEW_SECONDS)
                return 0;
        return diag_fail(diag, -EBADMSG, "issued %s, which is in the future; check the clocks",
                         time_to_rfc3339(manifest->issued, issued));
}

static int check_expired(const struct manifest *manifest,
                         const struct manifest_expectation *expectation, struct diag *diag)
{
        char expires[TIME_TEXT_SIZE];

        if (expectation->ignore_times || manifest->expires > expectation->now)
                return 0;
        return diag_fail(diag, -EBADMSG, "version %lld expired at %s; publish a new one",
                         (long long)manifest->version, time_to_rfc3339(manifest->expires, expires));
}

static const struct {
        enum refusal refusal;
        int (*check)(const struct manifest *manifest,
                     const struct manifest_expectation *expectation, struct diag *diag);
} checks[] = {
    {REFUSAL_FEED_ID, check_id},
    {REFUSAL_ROLLBACK, check_rollback},
    {REFUSAL_NOT_YET, check_issued},
    {REFUSAL_EXPIRED, check_expired},
};

/* ---- opening ---- */

static int make_keyring(const struct feed *feed, struct keyring **ret, struct diag *diag)
{
        CLEANUP(keyring_freep) struct keyring *keyring = keyring_new();
        int r = keyring ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < feed->keys.n_items; i++)
                r = keyring_add_base64(keyring, feed->keys.items[i], diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(keyring);
        return 0;
}

/* What is too large would be read by dsse_open() up to a policy's size. */
static int open_payload(const struct blob *bytes, const struct feed *feed, struct blob *ret,
                        enum refusal *ret_refusal, struct diag *diag)
{
        CLEANUP(keyring_freep) struct keyring *keys = NULL;
        int r;

        if (bytes->size > MANIFEST_SIZE_MAX_BYTES) {
                r = diag_fail(diag, -EBADMSG, "%zu bytes are more than the %d that are allowed",
                              bytes->size, MANIFEST_SIZE_MAX_BYTES);
                return envelope_refuse(ret_refusal, REFUSAL_SIZE, r);
        }
        r = make_keyring(feed, &keys, diag);
        if (r < 0)
                return envelope_refuse(ret_refusal, REFUSAL_SIGNATURE, r);
        return dsse_open(bytes, keys, 1, MANIFEST_PAYLOAD_TYPE, ret, ret_refusal, diag);
}

int manifest_open(const struct blob *bytes, const struct manifest_expectation *expectation,
                  struct manifest **ret, enum refusal *ret_refusal, struct diag *diag)
{
        CLEANUP(manifest_freep) struct manifest *manifest = NULL;
        CLEANUP(blob_done) struct blob payload = {0};
        const struct feed *feed = expectation->feed;
        int r;

        r = open_payload(bytes, feed, &payload, ret_refusal, diag);
        if (r < 0)
                return r;
        r = parse(&payload, feed->manifest_url, &manifest, diag);
        if (r < 0)
                return envelope_refuse(ret_refusal, REFUSAL_FORMAT, r);
        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                r = checks[i].check(manifest, expectation, diag);
                if (r < 0)
                        return envelope_refuse(ret_refusal, checks[i].refusal, r);
        }
        *ret = TAKE_PTR(manifest);
        return 0;
}

int manifest_of_pinned(const struct feed *feed, struct manifest **ret)
{
        CLEANUP(manifest_freep) struct manifest *manifest = calloc(1, sizeof(*manifest));

        if (!manifest)
                return -ENOMEM;
        manifest->id = strdup(feed->id);
        manifest->url = strdup(feed->url);
        manifest->sha256 = strdup(feed->sha256);
        manifest->size_bytes = feed->size_bytes;
        if (!manifest->id || !manifest->url || !manifest->sha256)
                return -ENOMEM;
        *ret = TAKE_PTR(manifest);
        return 0;
}

/* ---- making ---- */

static int write_text(const struct manifest *manifest, char **ret)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();

        json_begin_object(writer, NULL);
        json_add_string(writer, "type", MANIFEST_TYPE);
        json_add_string(writer, "id", manifest->id);
        json_add_int(writer, "version", manifest->version);
        json_add_time(writer, "issued", manifest->issued);
        json_add_time(writer, "expires", manifest->expires);
        json_add_string(writer, "url", manifest->url);
        json_add_string(writer, "sha256", manifest->sha256);
        json_add_int(writer, "size_bytes", manifest->size_bytes);
        json_end(writer);
        return json_writer_finish(writer, true, ret);
}

int manifest_to_text(const struct manifest *manifest, char **ret, struct diag *diag)
{
        CLEANUP(manifest_freep) struct manifest *again = NULL;
        CLEANUP(freep) char *text = NULL;
        int r;

        r = write_text(manifest, &text);
        if (r < 0)
                return r;
        /* What the nodes would refuse must not be signed. */
        r = parse(&(struct blob){.data = text, .size = strlen(text)}, NULL, &again, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}
