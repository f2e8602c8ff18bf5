/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_support.h"

#include "base/str.h"
#include "base/strv.h"

#include <dirent.h>

/*
 * tests/data/policy: valid/ parses; what is in invalid-shape/ and invalid-meaning/ fails with the
 * sentence of expected.tsv. The JSON Schema is tested with the same files, and refuses those of
 * invalid-shape/ as well.
 */

static int open_file(const char *name, struct policy **ret, struct diag *diag)
{
        CLEANUP(blob_done) struct blob bytes = {0};

        read_data(name, &bytes);
        return envelope_open_plain(&bytes, &system_zones, ret, diag);
}

static int open_text(const char *text, struct policy **ret, struct diag *diag)
{
        struct blob bytes = {.data = (char *)text, .size = strlen(text)};

        return envelope_open_plain(&bytes, &system_zones, ret, diag);
}

/* The names of the JSON files in a folder of tests/data. */
static void list_folder(const char *folder, struct strv *ret)
{
        CLEANUP(freep) char *path = str_format("%s/%s", getenv("PATCHD_TEST_DATA"), folder);
        DIR *dir = opendir(path);

        assert_non_null(dir);
        for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
                if (str_has_suffix(entry->d_name, ".json"))
                        assert_int_equal(strv_addf(ret, "%s/%s", folder, entry->d_name), 0);
        (void)closedir(dir);
}

static void test_valid(void **state)
{
        CLEANUP(strv_done) struct strv names = {0};

        (void)state;
        list_folder("policy/valid", &names);
        assert_true(names.n_items >= 25);
        for (size_t i = 0; i < names.n_items; i++) {
                CLEANUP(policy_freep) struct policy *policy = NULL;
                struct diag diag = {0};
                int r = open_file(names.items[i], &policy, &diag);

                if (r != 0)
                        fail_msg("%s: %d %s", names.items[i], r, diag.text);
        }
}

static void expect_refusal(const char *name, const char *want)
{
        CLEANUP(policy_freep) struct policy *policy = NULL;
        struct diag diag = {0};
        int r = open_file(name, &policy, &diag);

        if (r != -EBADMSG || policy)
                fail_msg("%s: %d, want '%s'", name, r, want);
        if (!strstr(diag.text, want))
                fail_msg("%s: '%s' does not say '%s'", name, diag.text, want);
}

static void test_invalid(void **state)
{
        CLEANUP(strv_done) struct strv names = {0};
        CLEANUP(blob_done) struct blob table = {0};
        size_t n_expected = 0;
        char *rest = NULL;

        (void)state;
        read_data("policy/expected.tsv", &table);
        for (char *line = strtok_r(table.data, "\n", &rest); line;
             line = strtok_r(NULL, "\n", &rest)) {
                CLEANUP(freep) char *name = NULL;
                char *tab = strchr(line, '\t');

                assert_non_null(tab);
                name = str_format("policy/%.*s", (int)(tab - line), line);
                expect_refusal(name, tab + 1);
                n_expected++;
        }
        list_folder("policy/invalid-shape", &names);
        list_folder("policy/invalid-meaning", &names);
        assert_true(names.n_items >= 60);
        assert_int_equal(names.n_items, n_expected);
}

/* Every text cut short is refused; the sanitizers watch. */
static void test_truncated(void **state)
{
        CLEANUP(blob_done) struct blob bytes = {0};

        (void)state;
        read_data("policy/valid/design-example.json", &bytes);
        for (size_t size = 0; size + 2 < bytes.size; size++) {
                CLEANUP(policy_freep) struct policy *policy = NULL;
                CLEANUP(blob_done) struct blob cut = {0};

                assert_int_equal(blob_copy(&cut, bytes.data, size), 0);
                assert_int_equal(envelope_open_plain(&cut, &system_zones, &policy, NULL), -EBADMSG);
        }
}

/* ---- what comes out ---- */

static void test_default_policy(void **state)
{
        CLEANUP(policy_freep) struct policy *policy = NULL;
        struct diag diag = {0};

        (void)state;
        if (open_file("../../packaging/default-policy.json", &policy, &diag) < 0)
                fail_msg("%s", diag.text);
        assert_string_equal(policy->policy_id, "default");
        assert_int_equal(policy->n_assignments, 1);
        assert_int_equal(policy->assignments[0].mode, MODE_SCAN);
        assert_int_equal(policy->assignments[0].match.n_tags, 0);
        assert_int_equal(policy->n_feeds, 0);
        assert_true(policy->expires > 2082758400); /* 2036 */
}

static void test_defaults(void **state)
{
        CLEANUP(policy_freep) struct policy *policy = NULL;
        const struct assignment *assignment;
        const struct baseline *baseline;

        (void)state;
        assert_int_equal(open_file("policy/valid/minimal.json", &policy, NULL), 0);
        assignment = &policy->assignments[0];
        baseline = &policy->baselines[0];
        assert_int_equal(policy->version, 1);
        assert_int_equal(policy->issued, 1795305600);
        assert_int_equal(policy->expires, 1797897600);
        assert_int_equal(assignment->reboot, REBOOT_IF_NEEDED);
        assert_int_equal(assignment->max_age_days, 0);
        assert_null(assignment->window);
        assert_ptr_equal(assignment->baseline, baseline);
        assert_int_equal(baseline->n_rules + baseline->n_approved + baseline->n_rejected, 0);
        assert_int_equal(baseline->n_date_sources, 2);
        assert_int_equal(baseline->date_sources[0], DATE_SOURCE_ADVISORY);
        assert_int_equal(baseline->date_sources[1], DATE_SOURCE_OBSERVED);
        assert_int_equal(baseline->unknown_date, UNKNOWN_DATE_HOLD);
        assert_int_equal(policy->n_windows + policy->n_feeds + policy->n_operations, 0);
}

static void check_rules(const struct baseline *baseline)
{
        const struct rule *rules = baseline->rules;

        assert_int_equal(baseline->n_rules, 3);
        assert_string_equal(rules[0].name, "critical-now");
        assert_int_equal(rules[0].filter.classifications, 1U << CLASSIFICATION_SECURITY);
        assert_int_equal(rules[0].filter.severities, 1U << SEVERITY_CRITICAL);
        assert_int_equal(rules[0].approve_after_days, 0);
        assert_int_equal(rules[0].approve_latest_days, 0);
        assert_int_equal(rules[1].filter.severities, 0);
        assert_int_equal(rules[1].approve_after_days, 7);
        assert_int_equal(rules[1].approve_latest_days, 21);
        assert_int_equal(rules[1].rollout_hours, 48);
        assert_int_equal(rules[2].approve_after_days, -1);
        assert_int_equal(rules[2].approve_until, 1790899199); /* 2026-10-01T23:59:59Z */
        assert_int_equal(rules[2].approve_latest_days, 0);
        assert_int_equal(rules[2].rollout_hours, 0);
}

static void check_selectors(const struct baseline *baseline)
{
        assert_int_equal(baseline->n_approved, 3);
        assert_string_equal(baseline->approved[0].cve, "CVE-2026-1234");
        assert_string_equal(baseline->approved[1].advisory, "DSA-6000-1");
        assert_string_equal(baseline->approved[2].package, "openssl");
        assert_string_equal(baseline->approved[2].version, "3.0.22-1~deb12u2");
        assert_int_equal(baseline->n_rejected, 1);
        assert_string_equal(baseline->rejected[0].package, "docker-ce*");
        assert_string_equal(baseline->rejected[0].reason, "platform team pins it");
        assert_null(baseline->rejected[0].version);
        assert_false(baseline->rejected[0].as_dependency);
}

static void check_window(const struct window *window)
{
        assert_string_equal(window->name, "saturday");
        assert_string_equal(window->timezone, "Europe/Berlin");
        assert_string_equal(window->rrule_text, "FREQ=WEEKLY;BYDAY=SA");
        assert_int_equal(window->start_minutes, 60);
        assert_int_equal(window->duration_minutes, 180);
        assert_int_equal(window->cutoff_minutes, 30);
        assert_int_equal(window->anchor.year, 0);
        assert_int_equal(window->n_exceptions, 1);
        assert_int_equal(window->exceptions[0].to.year, 2027);
        assert_int_equal(zone_offset_at(window->zone, 1795305600), 3600);
}

/* The example of the documentation, field by field. */
static void test_example(void **state)
{
        CLEANUP(policy_freep) struct policy *policy = NULL;
        const struct assignment *prod;

        (void)state;
        assert_int_equal(open_file("policy/valid/design-example.json", &policy, NULL), 0);
        assert_int_equal(policy->n_assignments, 2);
        prod = &policy->assignments[0];
        assert_int_equal(prod->match.n_tags, 1);
        assert_string_equal(prod->match.tags[0].key, "Environment");
        assert_string_equal(prod->match.tags[0].values.items[0], "Production");
        assert_string_equal(prod->match.os.items[1], "ubuntu");
        assert_string_equal(prod->match.hostname.items[0], "web-*");
        assert_string_equal(prod->match.arch.items[0], "x86_64");
        assert_int_equal(prod->mode, MODE_APPLY);
        assert_ptr_equal(prod->window, &policy->windows[0]);
        assert_null(policy->assignments[1].window);
        assert_string_equal(prod->baseline->filter.packages.items[0], "*");
        assert_int_equal(prod->baseline->n_date_sources, 3);
        check_rules(prod->baseline);
        check_selectors(prod->baseline);
        check_window(prod->window);
        assert_string_equal(policy->feeds[0].id, "debian-12");
        assert_string_equal(policy->feeds[0].os.items[0], "debian:12");
        assert_int_equal(policy->feeds[0].keys.n_items, 1);
        assert_int_equal(policy->operations[0].action, OPERATION_APPLY);
        assert_int_equal(policy->operations[0].packages.n_items, 2);
        assert_true(policy->operations[0].ignore_window);
        assert_int_equal(policy->operations[0].expires, 1795564800);
}

static void test_date_sources_keep_order(void **state)
{
        CLEANUP(policy_freep) struct policy *policy = NULL;

        (void)state;
        assert_int_equal(open_file("policy/valid/date-sources-turned.json", &policy, NULL), 0);
        assert_int_equal(policy->baselines[0].n_date_sources, 3);
        assert_int_equal(policy->baselines[0].date_sources[0], DATE_SOURCE_BUILD);
        assert_int_equal(policy->baselines[0].date_sources[2], DATE_SOURCE_OBSERVED);
        assert_int_equal(policy->baselines[0].unknown_date, UNKNOWN_DATE_APPROVE);
}

static const struct {
        const char *label, *keys;
        int64_t want;
} latest_cases[] = {
    {"three times the delay", "\"approve_after_days\":7", 21},
    {"given", "\"approve_after_days\":7,\"approve_latest_days\":9", 9},
    {"given before the delay", "\"approve_latest_days\":9,\"approve_after_days\":7", 9},
    {"off", "\"approve_after_days\":7,\"approve_latest_days\":0", 0},
    {"no delay", "\"approve_after_days\":0", 0},
    {"until", "\"approve_until\":\"2026-10-01\"", 0},
    {"until, given", "\"approve_until\":\"2026-10-01\",\"approve_latest_days\":9", 9},
};

static void test_approve_latest_default(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(latest_cases); i++) {
                CLEANUP(policy_freep) struct policy *policy = NULL;
                CLEANUP(freep)
                char *text = str_format(
                    "{\"type\":\"patchd.policy.v1\",\"policy_id\":\"a\",\"version\":1,"
                    "\"issued\":\"2026-01-01T00:00:00Z\",\"expires\":\"2027-01-01T00:00:00Z\","
                    "\"assignments\":[],\"baselines\":{\"b\":{\"rules\":[{\"name\":\"r\",%s}]}}}",
                    latest_cases[i].keys);
                struct diag diag = {0};

                if (open_text(text, &policy, &diag) < 0)
                        fail_msg("%s: %s", latest_cases[i].label, diag.text);
                if (policy->baselines[0].rules[0].approve_latest_days != latest_cases[i].want)
                        fail_msg("%s: %lld", latest_cases[i].label,
                                 (long long)policy->baselines[0].rules[0].approve_latest_days);
        }
}

/* Sections may come in any order, also after what refers to them. */
static void test_order_of_sections(void **state)
{
        static const char text[] =
            "{\"operations\":[],\"assignments\":[{\"mode\":\"apply\",\"window\":\"w\","
            "\"baseline\":\"b\",\"match\":{},\"name\":\"a\"}],\"windows\":{\"w\":{"
            "\"duration_minutes\":60,\"timezone\":\"UTC\",\"start\":\"01:00\","
            "\"rrule\":\"FREQ=DAILY\"}},\"baselines\":{\"b\":{},\"c\":{}},"
            "\"expires\":\"2027-01-01T00:00:00Z\",\"issued\":\"2026-01-01T00:00:00Z\","
            "\"version\":1,\"policy_id\":\"a\",\"type\":\"patchd.policy.v1\"}";
        CLEANUP(policy_freep) struct policy *policy = NULL;
        struct diag diag = {0};

        (void)state;
        if (open_text(text, &policy, &diag) < 0)
                fail_msg("%s", diag.text);
        assert_ptr_equal(policy->assignments[0].baseline, &policy->baselines[0]);
        assert_ptr_equal(policy->assignments[0].window, &policy->windows[0]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_valid),
            cmocka_unit_test(test_invalid),
            cmocka_unit_test(test_truncated),
            cmocka_unit_test(test_default_policy),
            cmocka_unit_test(test_defaults),
            cmocka_unit_test(test_example),
            cmocka_unit_test(test_date_sources_keep_order),
            cmocka_unit_test(test_approve_latest_default),
            cmocka_unit_test(test_order_of_sections),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
