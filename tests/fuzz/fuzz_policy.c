/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "policy/envelope.h"

#include <string.h>

/* UTC, so that no file is needed: a version 1 file with one type and one abbreviation. */
static const char utc[] =
    "TZif\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
    "\0\0\0\4\0\0\0\0\0\0UTC";

static int load_utc(void *context, const char *name, struct blob *ret, struct diag *diag)
{
        (void)context;
        (void)diag;
        fuzz_check(name[0] != '/' && !strstr(name, "..") && strlen(name) <= 64);
        return blob_copy(ret, utc, sizeof(utc));
}

/* What the rest of the program takes for granted of a policy that parsed. */
static void check_policy(const struct policy *policy)
{
        fuzz_check(policy->version > 0 && policy->issued > 0 && policy->expires > policy->issued);
        fuzz_check(policy->policy_id && !strchr(policy->policy_id, '/') && !policy->is_signed);
        for (size_t i = 0; i < policy->n_assignments; i++) {
                const struct assignment *assignment = &policy->assignments[i];

                fuzz_check(assignment->name && assignment->baseline);
                fuzz_check(assignment->window || assignment->mode != MODE_APPLY);
        }
        for (size_t i = 0; i < policy->n_windows; i++)
                fuzz_check(policy->windows[i].zone && policy->windows[i].duration_minutes > 0);
        for (size_t i = 0; i < policy->n_feeds; i++)
                fuzz_check(!policy->feeds[i].manifest_url != !policy->feeds[i].url);
        for (size_t i = 0; i < policy->n_baselines; i++)
                for (size_t j = 0; j < policy->baselines[i].n_rules; j++)
                        fuzz_check((policy->baselines[i].rules[j].approve_after_days < 0) ==
                                   (policy->baselines[i].rules[j].approve_until != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct zone_loader zones = {.load = load_utc};
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(blob_done) struct blob bytes = {0};
        struct diag diag = {0};
        int r = blob_copy(&bytes, data, size);

        if (r == 0)
                r = envelope_open_plain(&bytes, &zones, &policy, &diag);
        fuzz_check((r < 0) == (diag.text[0] != '\0') && (r < 0) == !policy);
        if (policy)
                check_policy(policy);
        return 0;
}
