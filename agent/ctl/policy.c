/* SPDX-License-Identifier: Apache-2.0 */

/* policy keygen, sign, verify, check: for the machine where policies are made. */

#include "base/json.h"
#include "base/str.h"
#include "base/timetext.h"
#include "ctl/ctl.h"
#include "host/files.h"
#include "host/host.h"
#include "policy/envelope.h"

#include <stdio.h>
#include <string.h>

enum { KEY_FILE_MAX_BYTES = 64 * 1024 };

/* ---- keygen ---- */

static int keygen(const char *prefix, struct diag *diag)
{
        CLEANUP(freep) char *private_path = str_format("%s.key", prefix);
        CLEANUP(freep) char *public_path = str_format("%s.pem", prefix);
        CLEANUP(freep) char *private_pem = NULL;
        CLEANUP(freep) char *public_pem = NULL;
        int r;

        if (!private_path || !public_path)
                return -ENOMEM;
        r = signature_generate(&private_pem, &public_pem, diag);
        if (r < 0)
                return r;
        r = files_create(private_path, private_pem, strlen(private_pem), 0600, diag);
        if (r < 0)
                return r;
        r = files_create(public_path, public_pem, strlen(public_pem), 0644, diag);
        if (r < 0)
                return r;
        printf("%s  sign with it and keep it offline\n%s  goes to /etc/patchd/trusted-keys.d/ of "
               "every node\n",
               private_path, public_path);
        return 0;
}

int verb_policy_keygen(const struct ctl *ctl)
{
        struct diag diag = {0};
        int r = keygen(ctl->arguments.items[0], &diag);

        return r < 0 ? ctl_fail(&diag, r) : EXIT_DONE;
}

/* ---- reading ---- */

/* Reads and checks the content, whatever its signatures. */
static int read_policy(const struct ctl *ctl, const char *path, struct blob *ret_bytes,
                       struct policy **ret, struct diag *diag)
{
        struct zone_loader zones = host_zone_loader(ctl->paths);
        int r = files_read(path, ENVELOPE_SIZE_MAX_BYTES, false, ret_bytes, diag);

        if (r < 0)
                return r;
        r = envelope_open_plain(ret_bytes, &zones, ret, diag);
        if (r < 0)
                diag_prefix(diag, "%s", path);
        return r;
}

static void print_summary(const struct ctl *ctl, const char *path, const struct policy *policy)
{
        char issued[TIME_TEXT_SIZE], expires[TIME_TEXT_SIZE];

        if (!ctl->json) {
                printf("%s: policy '%s' version %lld, issued %s, expires %s: %zu assignments, %zu "
                       "baselines, %zu windows\n",
                       path, policy->policy_id, (long long)policy->version,
                       time_to_rfc3339(policy->issued, issued),
                       time_to_rfc3339(policy->expires, expires), policy->n_assignments,
                       policy->n_baselines, policy->n_windows);
                return;
        }
        printf("{\"policy_id\":\"%s\",\"version\":%lld,\"issued\":\"%s\",\"expires\":\"%s\","
               "\"digest\":\"%s\"}\n",
               policy->policy_id, (long long)policy->version,
               time_to_rfc3339(policy->issued, issued), time_to_rfc3339(policy->expires, expires),
               policy->digest);
}

int verb_policy_check(const struct ctl *ctl)
{
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(blob_done) struct blob bytes = {0};
        struct diag diag = {0};
        int r = read_policy(ctl, ctl->arguments.items[0], &bytes, &policy, &diag);

        if (r < 0)
                return ctl_fail(&diag, r);
        print_summary(ctl, ctl->arguments.items[0], policy);
        return EXIT_DONE;
}

/* ---- sign ---- */

static int write_output(const struct ctl *ctl, const char *text, struct diag *diag)
{
        if (ctl->output)
                return files_write_atomic(ctl->output, text, strlen(text), 0644, diag);
        printf("%s\n", text);
        return 0;
}

/* What does not parse is never signed; an envelope gets one more signature. */
static int sign(const struct ctl *ctl, struct diag *diag)
{
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(blob_done) struct blob bytes = {0}, key = {0}, payload = {0};
        CLEANUP(freep) char *envelope = NULL;
        bool again;
        int r;

        if (ctl->keys.n_items != 1)
                return diag_fail(diag, -EINVAL,
                                 "'policy sign' needs one --key FILE (a private key)");
        r = read_policy(ctl, ctl->arguments.items[0], &bytes, &policy, diag);
        if (r < 0)
                return r;
        r = files_read(ctl->keys.items[0], KEY_FILE_MAX_BYTES, false, &key, diag);
        if (r < 0)
                return r;
        again = envelope_is_envelope(&bytes);
        r = again ? dsse_peek(&bytes, POLICY_PAYLOAD_TYPE, &payload, diag)
                  : blob_copy(&payload, bytes.data, bytes.size);
        if (r < 0)
                return r;
        r = dsse_sign(&payload, POLICY_PAYLOAD_TYPE, again ? &bytes : NULL, key.data, key.size,
                      &envelope, diag);
        if (r < 0) {
                diag_prefix(diag, "%s", ctl->keys.items[0]);
                return r;
        }
        return write_output(ctl, envelope, diag);
}

int verb_policy_sign(const struct ctl *ctl)
{
        struct diag diag = {0};
        int r = sign(ctl, &diag);

        return r < 0 ? ctl_fail(&diag, r) : EXIT_DONE;
}

/* ---- verify ---- */

static int load_keys(const struct ctl *ctl, struct keyring **ret, struct diag *diag)
{
        CLEANUP(keyring_freep) struct keyring *keys = NULL;

        if (ctl->keys.n_items == 0)
                return host_keyring(ctl->paths, ret, diag);
        keys = keyring_new();
        if (!keys)
                return -ENOMEM;
        for (size_t i = 0; i < ctl->keys.n_items; i++) {
                CLEANUP(blob_done) struct blob pem = {0};
                int r = files_read(ctl->keys.items[i], KEY_FILE_MAX_BYTES, false, &pem, diag);

                if (r < 0)
                        return r;
                r = keyring_add_pem(keys, pem.data, pem.size, diag);
                if (r < 0) {
                        diag_prefix(diag, "%s", ctl->keys.items[i]);
                        return r;
                }
        }
        *ret = TAKE_PTR(keys);
        return 0;
}

static int verify(const struct ctl *ctl, struct diag *diag)
{
        CLEANUP(keyring_freep) struct keyring *keys = NULL;
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(blob_done) struct blob bytes = {0};
        struct zone_loader zones = host_zone_loader(ctl->paths);
        const char *path = ctl->arguments.items[0];
        enum refusal refusal;
        int r = load_keys(ctl, &keys, diag);

        if (r < 0)
                return r;
        r = files_read(path, ENVELOPE_SIZE_MAX_BYTES, false, &bytes, diag);
        if (r < 0)
                return r;
        r = envelope_open(
            &bytes,
            &(struct envelope_expectation){.keys = keys, .threshold = 1, .now = ctl_now(ctl)},
            &zones, &policy, &refusal, diag);
        if (r < 0) {
                diag_prefix(diag, "%s", path);
                return r;
        }
        print_summary(ctl, path, policy);
        return 0;
}

int verb_policy_verify(const struct ctl *ctl)
{
        struct diag diag = {0};
        int r = verify(ctl, &diag);

        return r < 0 ? ctl_fail(&diag, r) : EXIT_DONE;
}
