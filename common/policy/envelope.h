/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The only door to a policy. A policy travels as one DSSE 1.0 envelope; the order of checks is that
 * of the design: size, signature over the exact bytes, payload type, strict parse, policy_id,
 * version against the stored one, issued and expires. Nothing is stored here: the caller persists
 * (version, digest) before it uses the policy.
 */

#include "base/blob.h"
#include "base/diag.h"
#include "policy/keyring.h"
#include "policy/policy.h"

#define POLICY_PAYLOAD_TYPE "application/vnd.patchd.policy.v1+json"

enum {
        ENVELOPE_SIZE_MAX_BYTES = 8 * 1024 * 1024,
        ENVELOPE_ISSUED_SKEW_SECONDS = 600, /* how far ahead of our clock `issued` may be */
};

/* Gives the TZif bytes of an IANA zone, so that reading a policy opens no file itself. */
struct zone_loader {
        int (*load)(void *context, const char *name, struct blob *ret, struct diag *diag);
        void *context;
};

/* Why an envelope or policy was refused; the journal and the report name it. */
enum refusal {
        REFUSAL_NONE,
        REFUSAL_SIZE,
        REFUSAL_FORMAT,    /* not an envelope, or not the strict policy format */
        REFUSAL_SIGNATURE, /* unsigned, or signed by strangers, or too few keys */
        REFUSAL_TYPE,
        REFUSAL_POLICY_ID,
        REFUSAL_FEED_ID,  /* a manifest of another feed */
        REFUSAL_ROLLBACK, /* version below the stored one, or equal with another digest */
        REFUSAL_NOT_YET,  /* issued in the future */
        REFUSAL_EXPIRED,
};
extern const struct enum_table refusal_names;

/* What the node knows before it opens an envelope. */
struct envelope_expectation {
        const struct keyring *keys;
        unsigned threshold;    /* how many distinct keys have to sign; at least 1 */
        const char *policy_id; /* NULL: any */
        int64_t version;       /* stored; 0: none yet */
        const char *digest;    /* stored, of that version; NULL: none yet */
        time_t now;
        bool allow_expired; /* an expired policy still scans; the caller looks at expires itself */
};

/* Opens a signed policy. On failure returns -EBADMSG (refused) with *ret_refusal and a sentence, or
 * -ENOMEM. */
int envelope_open(const struct blob *bytes, const struct envelope_expectation *expectation,
                  const struct zone_loader *zones, struct policy **ret, enum refusal *ret_refusal,
                  struct diag *diag) MUST_CHECK;

/*
 * Opens plain JSON, or an envelope without looking at its signatures: for files that root owns
 * (agent/host checks that) and for commands that only read. Skips signature, policy_id, version and
 * time checks; policy->is_signed is false.
 */
int envelope_open_plain(const struct blob *bytes, const struct zone_loader *zones,
                        struct policy **ret, struct diag *diag) MUST_CHECK;

/* Whether bytes look like an envelope (a JSON object with "payload" and "signatures"). */
bool envelope_is_envelope(const struct blob *bytes);

/* DSSE for any payload type (feeds' manifests use it too): checks the signatures and the type and
 * gives the payload. Errors as envelope_open(). */
int dsse_open(const struct blob *bytes, const struct keyring *keys, unsigned threshold,
              const char *payload_type, struct blob *ret_payload, enum refusal *ret_refusal,
              struct diag *diag) MUST_CHECK;

/* The payload of an envelope of this type, its signatures not looked at. Returns -EBADMSG or
 * -EINVAL with a sentence, or -ENOMEM. */
int dsse_peek(const struct blob *bytes, const char *payload_type, struct blob *ret_payload,
              struct diag *diag) MUST_CHECK;

/* Signs payload, or adds a signature when envelope already holds this payload (rotation: sign with
 * the old and the new key). envelope may be NULL. Gives the new envelope's text; the caller frees.
 */
int dsse_sign(const struct blob *payload, const char *payload_type, const struct blob *envelope,
              const char *private_pem, size_t pem_size, char **ret, struct diag *diag) MUST_CHECK;
