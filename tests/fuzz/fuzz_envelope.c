/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "policy/envelope.h"

#include <string.h>

/* tests/data/keys/ed25519.pem, which has signed no policy but the one with this digest. */
static const char trusted_key[] = "MCowBQYDK2VwAyEAkwgVtatzpQZQqlotCr+n9UIm354uS7v9dwtnGK5GNCA=";
static const char signed_digest[] =
    "1b39fe35935dfa8f7e5f02c46646036c528ca7699c49168917bdba42819e3e02";

static int no_zone(void *context, const char *name, struct blob *ret, struct diag *diag)
{
        (void)context;
        (void)ret;
        return diag_fail(diag, -ENOENT, "no zone '%s'", name);
}

/* Whatever the bytes are, only that policy comes out. */
static void check_result(int r, const struct policy *policy, enum refusal refusal,
                         const struct diag *diag)
{
        fuzz_check((r < 0) == !policy && (r < 0) == (refusal != REFUSAL_NONE) &&
                   (r < 0) == (diag->text[0] != '\0'));
        if (policy)
                fuzz_check(policy->is_signed && strcmp(policy->digest, signed_digest) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct zone_loader zones = {.load = no_zone};
        CLEANUP(keyring_freep) struct keyring *keys = keyring_new();
        struct envelope_expectation expectation = {
            .keys = keys, .threshold = 1, .policy_id = "default", .now = 1796083200};
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(blob_done) struct blob bytes = {0};
        enum refusal refusal = REFUSAL_NONE;
        struct diag diag = {0};
        int r;

        fuzz_check(keys && keyring_add_base64(keys, trusted_key, NULL) == 0);
        fuzz_check(blob_copy(&bytes, data, size) == 0);
        r = envelope_open(&bytes, &expectation, &zones, &policy, &refusal, &diag);
        check_result(r, policy, refusal, &diag);
        (void)envelope_is_envelope(&bytes);
        return 0;
}
