/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A feed's manifest (patchd.feed.v1): which file a feed is at the moment, signed by one of the keys
 * that the policy names for it. New advisories need a new manifest, not a new policy. Opened in the
 * order in which a policy is; nothing is stored here: the caller persists (version, digest) before
 * it uses the file.
 */

#include "base/blob.h"
#include "base/diag.h"
#include "policy/envelope.h"

#define MANIFEST_PAYLOAD_TYPE "application/vnd.patchd.feed.v1+json"

enum {
        MANIFEST_SIZE_MAX_BYTES = 256 * 1024,    /* of the envelope */
        FEED_SIZE_MAX_BYTES = 512 * 1024 * 1024, /* of the file that it names */
};

struct manifest {
        char *id;
        int64_t version;        /* 0: pinned in the policy, which has a version of its own */
        time_t issued, expires; /* 0: pinned, they are the policy's */
        char *url;              /* of the file, absolute */
        char *sha256;           /* of the file */
        int64_t size_bytes;
        char digest[SHA256_TEXT_SIZE]; /* of the signed bytes; "": pinned */
};
void manifest_free(struct manifest *manifest);
DEFINE_CLEANUP(struct manifest, manifest_free);

/* What the node knows before it opens a manifest. */
struct manifest_expectation {
        const struct feed *feed; /* of a policy that was verified */
        int64_t version;         /* stored; 0: none yet */
        const char *digest;      /* stored, of that version; NULL: none yet */
        time_t now;
        bool ignore_times; /* issued and expires are not looked at: what-if questions */
};

/* Opens what came from feed->manifest_url. On failure returns -EBADMSG (refused) with *ret_refusal
 * and a sentence, or -ENOMEM. */
int manifest_open(const struct blob *bytes, const struct manifest_expectation *expectation,
                  struct manifest **ret, enum refusal *ret_refusal, struct diag *diag) MUST_CHECK;

/* What the policy itself says of a pinned feed (feed->url is set). Returns -ENOMEM. */
int manifest_of_pinned(const struct feed *feed, struct manifest **ret) MUST_CHECK;

/* The text to be signed; url may be relative. The caller frees. Returns -EINVAL with the field's
 * name when nobody would accept it, -ENOMEM. */
int manifest_to_text(const struct manifest *manifest, char **ret, struct diag *diag) MUST_CHECK;
