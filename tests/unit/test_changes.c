/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "cycle/changes.h"

#include <string.h>

#define REPORT(sequence, at, age, status)                                                          \
        "{\"type\":\"patchd.report.v1\",\"sequence\":" sequence ",\"evaluated_at\":\"" at          \
        "\",\"index_age_seconds\":" age ",\"compliance\":{\"status\":\"" status "\"}}"

static void test_digest(void **state)
{
        static const struct {
                const char *label, *report;
                bool same;
        } cases[] = {
            {"later", REPORT("2", "2026-11-23T00:00:00Z", "7200", "compliant"), true},
            {"no index", REPORT("2", "2026-11-23T00:00:00Z", "null", "compliant"), true},
            {"another status", REPORT("1", "2026-11-22T00:00:00Z", "3600", "unknown"), false},
            {"another member", "{\"type\":\"patchd.report.v1\"}", false},
            {"a volatile name further in",
             "{\"type\":\"patchd.report.v1\",\"compliance\":{\"status\":\"compliant\","
             "\"sequence\":1}}",
             false},
        };
        char first[SHA256_TEXT_SIZE], other[SHA256_TEXT_SIZE];

        (void)state;
        assert_int_equal(
            changes_digest(REPORT("1", "2026-11-22T00:00:00Z", "3600", "compliant"), first, NULL),
            0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(changes_digest(cases[i].report, other, NULL), 0);
                if ((strcmp(first, other) == 0) != cases[i].same)
                        fail_msg("%s", cases[i].label);
        }
        assert_int_equal(changes_digest("[]", other, NULL), -EINVAL);
        assert_int_equal(changes_digest("{", other, NULL), -EINVAL);
}

static void test_due(void **state)
{
        static const time_t now = 1000000;
        static const struct {
                const char *label, *last;
                time_t last_at;
                bool after_run, due;
        } cases[] = {
            {"first", NULL, 0, false, true},
            {"the same, a moment ago", "a", now - 1, false, false},
            {"the same, nearly a day ago", "a", now - REPORT_REPEAT_SECONDS + 1, false, false},
            {"the same, a day ago", "a", now - REPORT_REPEAT_SECONDS, false, true},
            {"the same, from the future", "a", now + 1, false, true},
            {"the same, after a run", "a", now - 1, true, true},
            {"another", "b", now - 1, false, true},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (changes_are_due("a", cases[i].last, cases[i].last_at, cases[i].after_run,
                                    now) != cases[i].due)
                        fail_msg("%s", cases[i].label);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_digest),
            cmocka_unit_test(test_due),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
