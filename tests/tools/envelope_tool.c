/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signed policies without windows, for tests:
 *     envelope_tool verify TIME THRESHOLD ENVELOPE PUBLIC_KEY...   prints policy_id, version,
 * digest envelope_tool sign PRIVATE_KEY PAYLOAD [ENVELOPE]            prints the envelope A refusal
 * goes to stderr as "<refusal>: <sentence>" and exits 1.
 */

#include "base/str.h"
#include "base/timetext.h"
#include "host/files.h"
#include "policy/envelope.h"

#include <stdio.h>
#include <string.h>

static int no_zone(void *context, const char *name, struct blob *ret, struct diag *diag)
{
        (void)context;
        (void)ret;
        return diag_fail(diag, -ENOENT, "no zone '%s'", name);
}

static int read_keys(char *const *paths, struct keyring *keys, struct diag *diag)
{
        for (; *paths; paths++) {
                CLEANUP(blob_done) struct blob pem = {0};
                int r = files_read(*paths, KEY_TEXT_MAX_BYTES, false, &pem, diag);

                if (r >= 0)
                        r = keyring_add_pem(keys, pem.data, pem.size, diag);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int verify(int argc, char **argv, enum refusal *refusal, struct diag *diag)
{
        static const struct zone_loader zones = {.load = no_zone};
        CLEANUP(keyring_freep) struct keyring *keys = keyring_new();
        struct envelope_expectation expectation = {.keys = keys};
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(blob_done) struct blob bytes = {0};
        unsigned long long threshold = 0;
        int r;

        if (argc < 4 || !keys || time_from_text(argv[0], &expectation.now) < 0 ||
            str_to_uint64(argv[1], KEYRING_KEYS_MAX, &threshold) < 0)
                return diag_fail(diag, -EINVAL, "verify TIME THRESHOLD ENVELOPE PUBLIC_KEY...");
        expectation.threshold = (unsigned)threshold;
        r = files_read(argv[2], ENVELOPE_SIZE_MAX_BYTES, false, &bytes, diag);
        if (r >= 0)
                r = read_keys(argv + 3, keys, diag);
        if (r >= 0)
                r = envelope_open(&bytes, &expectation, &zones, &policy, refusal, diag);
        if (r >= 0)
                printf("%s %lld %s\n", policy->policy_id, (long long)policy->version,
                       policy->digest);
        return r;
}

static int sign(int argc, char **argv, enum refusal *refusal, struct diag *diag)
{
        CLEANUP(blob_done) struct blob key = {0}, payload = {0}, envelope = {0};
        CLEANUP(freep) char *text = NULL;
        int r;

        (void)refusal;
        if (argc < 2)
                return diag_fail(diag, -EINVAL, "sign PRIVATE_KEY PAYLOAD [ENVELOPE]");
        r = files_read(argv[0], KEY_TEXT_MAX_BYTES, false, &key, diag);
        if (r >= 0)
                r = files_read(argv[1], ENVELOPE_SIZE_MAX_BYTES, false, &payload, diag);
        if (r >= 0 && argc > 2)
                r = files_read(argv[2], ENVELOPE_SIZE_MAX_BYTES, false, &envelope, diag);
        if (r >= 0)
                r = dsse_sign(&payload, POLICY_PAYLOAD_TYPE, argc > 2 ? &envelope : NULL, key.data,
                              key.size, &text, diag);
        if (r >= 0)
                puts(text);
        return r;
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                int (*run)(int argc, char **argv, enum refusal *refusal, struct diag *diag);
        } verbs[] = {{"verify", verify}, {"sign", sign}};
        enum refusal refusal = REFUSAL_NONE;
        struct diag diag = {0};

        for (size_t i = 0; argc > 1 && i < ELEMENTSOF(verbs); i++) {
                int r;

                if (strcmp(argv[1], verbs[i].name) != 0)
                        continue;
                r = verbs[i].run(argc - 2, argv + 2, &refusal, &diag);
                if (r < 0)
                        fprintf(stderr, "%s: %s\n", enum_name(&refusal_names, (int)refusal),
                                diag_text(&diag, r));
                return r < 0;
        }
        fprintf(stderr, "usage: envelope_tool verify|sign ...\n");
        return 2;
}
