/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The policy that this helper trusts: found by its own configuration, verified with its own keys
 * and held against its own version counter, which is on disk before the policy is used. A caller
 * gives envelope bytes at most.
 */

#include "base/blob.h"
#include "base/diag.h"
#include "host/config.h"
#include "policy/policy.h"

#include <time.h>

/* envelope may be empty: then the last accepted one is used. On refusal gives -EBADMSG and the
 * error reply in *ret_answer. */
int trust_policy(const struct paths *paths, const struct config *config,
                 const struct blob *envelope, time_t now, struct policy **ret, char **ret_answer,
                 struct diag *diag) MUST_CHECK;

/* The counter; policy_id NULL: none. */
struct trusted_version {
        char *policy_id;
        int64_t version;
        char *digest;
};
void trusted_version_done(struct trusted_version *trusted);
int trust_read(const struct paths *paths, struct trusted_version *ret,
               struct diag *diag) MUST_CHECK;

/* Forgets counter and bytes, and leaves a note, which the cycle follows. */
int trust_reset(const struct paths *paths, uid_t by, time_t now, struct diag *diag) MUST_CHECK;
