/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "cycle/fingerprint.h"
#include "folder.h"
#include "host/files.h"
#include "host/paths.h"

#include <string.h>
#include <sys/stat.h>

static void write_file(const char *prefix, const char *name, const char *text)
{
        CLEANUP(freep) char *path = str_format("%s/%s", prefix, name);

        for (char *slash = strchr(path + strlen(prefix) + 1, '/'); slash;
             slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                (void)mkdir(path, 0755);
                *slash = '/';
        }
        assert_int_equal(files_write_atomic(path, text, strlen(text), 0644, NULL), 0);
}

static void take(const struct paths *paths, const char *policy, char sum[static SHA256_TEXT_SIZE])
{
        assert_int_equal(fingerprint_make(paths, policy, sum), 0);
}

static void test_inputs(void **state)
{
        static const struct {
                const char *file;
                bool counts;
        } cases[] = {
            {"etc/patchd/patchd.conf", true},
            {"etc/patchd/patchd.conf.d/a.conf", true},
            {"etc/patchd/trusted-keys.d/a.pem", true},
            {"usr/share/patchd/default-policy.json", true},
            {"var/lib/patchd-apply/ledger.jsonl", true},
            {"var/lib/patchd-apply/pause.json", true},
            {"var/lib/patchd-apply/vetoes.json", true},
            {"var/lib/patchd-apply/kept-back.json", true},
            {"var/lib/patchd-apply/outcomes/20261122T010000Z-1.json", true},
            {"var/lib/patchd-apply/stamps.json", false},
            {"var/lib/patchd/patchd.sqlite", false},
        };
        CLEANUP(paths_freep) struct paths *paths = NULL;
        char before[SHA256_TEXT_SIZE], after[SHA256_TEXT_SIZE];

        assert_int_equal(paths_new(*state, &paths), 0);
        for (int round = 0; round < 2; round++) /* a new file, then one with other content */
                for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                        take(paths, "policy", before);
                        write_file(*state, cases[i].file, "content");
                        take(paths, "policy", after);
                        if ((strcmp(before, after) != 0) != cases[i].counts)
                                fail_msg("%s, round %d", cases[i].file, round);
                }
        take(paths, "policy", before);
        take(paths, "policy", after);
        assert_string_equal(before, after);
        take(paths, "another policy", after);
        assert_string_not_equal(before, after);
}

/* ---- how long it holds ---- */

#define DAY ((time_t)20000 * SECONDS_PER_DAY)
static const time_t now = DAY + 10 * SECONDS_PER_HOUR;

static void test_holds_until(void **state)
{
        static const struct {
                const char *label;
                time_t approve_at, expires, refreshed_at, valid_until, paused_until;
                bool unknown;
                time_t until;
        } cases[] = {
            {"nothing ahead: midnight", .until = DAY + SECONDS_PER_DAY},
            {"an approval", .approve_at = now + 60, .until = now + 60},
            {"a past approval", .approve_at = now - 60, .until = DAY + SECONDS_PER_DAY},
            {"an approval now", .approve_at = now, .until = DAY + SECONDS_PER_DAY},
            {"the policy expires", .expires = now + 61, .until = now + 61},
            {"an index grows stale", .refreshed_at = now - 48 * SECONDS_PER_HOUR + 62,
             .until = now + 63},
            {"an index runs out", .valid_until = now + 64, .until = now + 64},
            {"a pause ends", .paused_until = now + 65, .until = now + 65},
            {"the earliest", .approve_at = now + 70, .expires = now + 60, .valid_until = now + 80,
             .until = now + 60},
            {"unknown never holds", .unknown = true, .until = now},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct policy policy = {.expires = cases[i].expires};
                struct package_index index = {.refreshed_at = cases[i].refreshed_at,
                                              .valid_until = cases[i].valid_until};
                struct package_index *indexes[] = {&index};
                struct inventory inventory = {.indexes = indexes, .n_indexes = 1};
                struct verdict verdict = {.approve_at = cases[i].approve_at};
                struct decision decision = {.verdicts = &verdict, .n_verdicts = 1};
                struct decisions decisions = {
                    .items = &decision,
                    .n_items = 1,
                    .compliance = cases[i].unknown ? COMPLIANCE_UNKNOWN : COMPLIANCE_COMPLIANT};
                struct judgement judgement = {
                    .inventory = &inventory,
                    .decisions = &decisions,
                    .limits = {.max_index_age_hours = 48,
                               .is_paused = cases[i].paused_until != 0,
                               .paused_until = cases[i].paused_until},
                    .input = {.policy = &policy, .now = now},
                };
                time_t until = fingerprint_holds_until(&judgement);

                if (until != cases[i].until)
                        fail_msg("%s: %lld s ahead", cases[i].label, (long long)(until - now));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_inputs, folder_setup, folder_teardown),
            cmocka_unit_test(test_holds_until),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
