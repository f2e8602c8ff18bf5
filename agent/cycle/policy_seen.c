/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/policy_seen.h"

#include "base/str.h"
#include "cycle/memory.h"

struct version_seen {
        int64_t version; /* 0: none yet */
        char *digest;
};

static void version_seen_done(struct version_seen *seen)
{
        free(seen->digest);
}

/* The counter belongs to a policy_id: another one starts anew. */
static void recall_version(const struct fetch_request *request, struct version_seen *ret)
{
        CLEANUP(freep) char *id = memory_get(request->store, MEMORY_POLICY_ID);

        if (!str_equal(id, request->config->policy_id))
                return;
        ret->version = memory_get_int(request->store, MEMORY_POLICY_VERSION);
        ret->digest = memory_get(request->store, MEMORY_POLICY_DIGEST);
}

int policy_seen_remember(const struct fetch_request *request, const struct policy *policy)
{
        struct version_seen seen CLEANUP(version_seen_done) = {0};
        int r;

        recall_version(request, &seen);
        if (seen.version == policy->version && str_equal(seen.digest, policy->digest))
                return 0;
        /* The id last: a cut in between leaves a counter that belongs to no id. */
        r = memory_set(request->store, MEMORY_POLICY_ID, NULL);
        if (r >= 0)
                r = memory_set_int(request->store, MEMORY_POLICY_VERSION, policy->version);
        if (r >= 0)
                r = memory_set(request->store, MEMORY_POLICY_DIGEST, policy->digest);
        if (r >= 0)
                r = memory_set(request->store, MEMORY_POLICY_ID, policy->policy_id);
        return r;
}

int policy_seen_open(const struct fetch_request *request, const struct blob *bytes,
                     bool allow_expired, struct policy **ret, enum refusal *ret_refusal,
                     struct diag *diag)
{
        struct version_seen seen CLEANUP(version_seen_done) = {0};

        recall_version(request, &seen);
        struct envelope_expectation expectation = {
            .keys = request->keys,
            .threshold = (unsigned)request->config->threshold,
            .policy_id = request->config->policy_id,
            .version = seen.version,
            .digest = seen.digest,
            .now = request->now,
            .allow_expired = allow_expired,
        };

        return envelope_open(bytes, &expectation, &request->zones, ret, ret_refusal, diag);
}
