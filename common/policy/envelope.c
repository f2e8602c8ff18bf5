/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/envelope.h"

#include "base/json.h"
#include "policy/policy-private.h"

#include <string.h>

static const char *const refusal_texts[] = {
    [REFUSAL_NONE] = "none",       [REFUSAL_SIZE] = "size",
    [REFUSAL_FORMAT] = "format",   [REFUSAL_SIGNATURE] = "signature",
    [REFUSAL_TYPE] = "type",       [REFUSAL_POLICY_ID] = "policy-id",
    [REFUSAL_FEED_ID] = "feed-id", [REFUSAL_ROLLBACK] = "rollback",
    [REFUSAL_NOT_YET] = "not-yet", [REFUSAL_EXPIRED] = "expired",
};
const struct enum_table refusal_names = ENUM_TABLE(refusal_texts);

int envelope_refuse(enum refusal *ret_refusal, enum refusal refusal, int error)
{
        if (error == -ENOMEM)
                return error;
        *ret_refusal = refusal;
        return -EBADMSG;
}

static int parse_payload(const struct blob *payload, const struct zone_loader *zones,
                         struct policy **ret, struct diag *diag)
{
        CLEANUP(policy_freep) struct policy *policy = NULL;
        int r;

        r = policy_from_json(payload->data, payload->size, zones, &policy, diag);
        if (r < 0)
                return r;
        r = digest_of(payload->data, payload->size, policy->digest);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(policy);
        return 0;
}

static int check_identity(const struct policy *policy,
                          const struct envelope_expectation *expectation, struct diag *diag)
{
        if (!expectation->policy_id || strcmp(policy->policy_id, expectation->policy_id) == 0)
                return 0;
        return diag_fail(diag, -EBADMSG, "policy_id: '%s' is not the configured '%s'",
                         policy->policy_id, expectation->policy_id);
}

static int check_rollback(const struct policy *policy,
                          const struct envelope_expectation *expectation, struct diag *diag)
{
        if (policy->version < expectation->version)
                return diag_fail(diag, -EBADMSG,
                                 "version %lld is older than the stored version %lld (rollback); "
                                 "publish it again under a higher version",
                                 (long long)policy->version, (long long)expectation->version);
        if (policy->version == expectation->version && expectation->digest &&
            strcmp(policy->digest, expectation->digest) != 0)
                return diag_fail(diag, -EBADMSG,
                                 "version %lld has other content than the stored version %lld; "
                                 "publish every change under a higher version",
                                 (long long)policy->version, (long long)expectation->version);
        return 0;
}

static int check_issued(const struct policy *policy, const struct envelope_expectation *expectation,
                        struct diag *diag)
{
        char issued[TIME_TEXT_SIZE];

        if (policy->issued <= expectation->now + ENVELOPE_ISSUED_SKEW_SECONDS)
                return 0;
        return diag_fail(diag, -EBADMSG, "issued %s, which is in the future; check the clocks",
                         time_to_rfc3339(policy->issued, issued));
}

static int check_expired(const struct policy *policy,
                         const struct envelope_expectation *expectation, struct diag *diag)
{
        char expires[TIME_TEXT_SIZE];

        if (expectation->allow_expired || policy->expires > expectation->now)
                return 0;
        return diag_fail(diag, -EBADMSG, "version %lld expired at %s; publish a new one",
                         (long long)policy->version, time_to_rfc3339(policy->expires, expires));
}

/* In the order of the design; the first that fails names the refusal. */
static const struct {
        enum refusal refusal;
        int (*check)(const struct policy *policy, const struct envelope_expectation *expectation,
                     struct diag *diag);
} policy_checks[] = {
    {REFUSAL_POLICY_ID, check_identity},
    {REFUSAL_ROLLBACK, check_rollback},
    {REFUSAL_NOT_YET, check_issued},
    {REFUSAL_EXPIRED, check_expired},
};

int envelope_open(const struct blob *bytes, const struct envelope_expectation *expectation,
                  const struct zone_loader *zones, struct policy **ret, enum refusal *ret_refusal,
                  struct diag *diag)
{
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(blob_done) struct blob payload = {0};
        int r;

        r = dsse_open(bytes, expectation->keys, expectation->threshold, POLICY_PAYLOAD_TYPE,
                      &payload, ret_refusal, diag);
        if (r < 0)
                return r;
        r = parse_payload(&payload, zones, &policy, diag);
        if (r < 0)
                return envelope_refuse(ret_refusal, REFUSAL_FORMAT, r);
        for (size_t i = 0; i < ELEMENTSOF(policy_checks); i++) {
                r = policy_checks[i].check(policy, expectation, diag);
                if (r < 0)
                        return envelope_refuse(ret_refusal, policy_checks[i].refusal, r);
        }
        policy->is_signed = true;
        *ret = TAKE_PTR(policy);
        return 0;
}

int envelope_open_plain(const struct blob *bytes, const struct zone_loader *zones,
                        struct policy **ret, struct diag *diag)
{
        CLEANUP(blob_done) struct blob payload = {0};
        bool is_envelope = envelope_is_envelope(bytes);
        int r = 0;

        if (bytes->size > ENVELOPE_SIZE_MAX_BYTES)
                return diag_fail(diag, -EBADMSG, "%zu bytes are more than the %d that are allowed",
                                 bytes->size, ENVELOPE_SIZE_MAX_BYTES);
        if (is_envelope)
                r = dsse_peek(bytes, POLICY_PAYLOAD_TYPE, &payload, diag);
        if (r >= 0)
                r = parse_payload(is_envelope ? &payload : bytes, zones, ret, diag);
        return r < 0 && r != -ENOMEM ? -EBADMSG : r;
}

bool envelope_is_envelope(const struct blob *bytes)
{
        CLEANUP(json_freep) struct json *json = NULL;

        if (bytes->size > ENVELOPE_SIZE_MAX_BYTES ||
            json_parse(bytes->data, bytes->size, &json, NULL) < 0)
                return false;
        return json_get(json, "payload") && json_get(json, "signatures");
}
