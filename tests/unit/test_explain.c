/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/json.h"
#include "base/timetext.h"
#include "decide/explain.h"
#include "scenario.h"

#include <string.h>

/* a: approved since the 22nd, in the window of Saturday the 28th */
#define PACKAGES                                                                                   \
        "\"packages\": [{\"name\": \"a\", \"version\": \"1\", \"available\": [{\"version\": "      \
        "\"2\", \"in\": [\"sec\"]}]}]"
#define APPROVED "\"now\": \"2026-11-28T12:00:00Z\", \"what_if\": true, " PACKAGES
#define HELD     "{" APPROVED ", \"exclude\": [\"a\"]}"
#define SCAN     "{" APPROVED ", \"force_scan\": true}"

static const struct {
        const char *label, *scenario, *paused_until; /* NULL: no pause, "": until resumed */
        const char *from;                            /* NULL: no opening */
        const char *says;
} cases[] = {
    {"the next opening", "{" APPROVED "}", NULL, "2026-12-05T01:00:00Z", "window 'saturday'"},
    {"a pause that ends before it moves nothing", "{" APPROVED "}", "2026-12-01T00:00:00Z",
     "2026-12-05T01:00:00Z", "which opens 2026-12-05"},
    {"a pause that ends while it is open", "{" APPROVED "}", "2026-12-05T02:00:00Z",
     "2026-12-05T02:00:00Z", "while it is open, from 2026-12-05T02:00:00Z"},
    {"a pause beyond it moves to the next", "{" APPROVED "}", "2026-12-05T04:00:00Z",
     "2026-12-12T01:00:00Z", "which opens 2026-12-12"},
    {"a pause without end", "{" APPROVED "}", "", NULL, "until 'patchctl resume'"},
    {"a pause doesn't hide what else forbids it", SCAN, "2026-12-01T00:00:00Z", NULL,
     "allows only scans"},
    {"excluded", HELD, NULL, NULL, "while the host holds it: excluded by"},
};

static void set_pause(struct scenario *scenario, const char *until)
{
        if (!until)
                return;
        scenario->limits.is_paused = true;
        if (*until)
                assert_int_equal(time_from_rfc3339(until, &scenario->limits.paused_until), 0);
}

static void check_from(const char *label, const char *want, const struct installation *found)
{
        char text[TIME_TEXT_SIZE];

        if (found->is_planned != (want != NULL))
                fail_msg("%s: '%s'", label, found->text);
        if (want && strcmp(time_to_rfc3339(found->from, text), want) != 0)
                fail_msg("%s: from %s", label, text);
}

static void run_case(const struct json *base, size_t i)
{
        struct scenario scenario CLEANUP(scenario_done) = {.policy = NULL};
        CLEANUP(decisions_freep) struct decisions *decisions = NULL;
        CLEANUP(installation_done) struct installation installation = {0};
        CLEANUP(json_freep) struct json *one = NULL;
        struct diag diag = {0};

        assert_int_equal(json_parse(cases[i].scenario, strlen(cases[i].scenario), &one, &diag), 0);
        scenario_init(&scenario, base, one);
        set_pause(&scenario, cases[i].paused_until);
        assert_int_equal(evaluate(&scenario.input, &decisions), 0);
        assert_int_equal(
            explain_installation(&scenario.input, decisions, &decisions->items[0], &installation),
            0);
        check_from(cases[i].label, cases[i].from, &installation);
        if (!strstr(installation.text, cases[i].says))
                fail_msg("%s: '%s'", cases[i].label, installation.text);
}

static void test_installation(void **state)
{
        CLEANUP(json_freep) struct json *document = scenario_load_file("decide/scenarios.json");

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                run_case(json_get(document, "base"), i);
}

/* ---- rules in words ---- */

static const struct {
        const char *label;
        struct rule rule;
        const char *says;
} rules[] = {
    {"at once", {.name = (char *)"r"}, "approves at once"},
    {"days",
     {.name = (char *)"r", .approve_after_days = 7, .approve_latest_days = 21},
     "approves 7 days after the release, at the latest 21 days after the first fix still missing"},
    {"until",
     {.name = (char *)"r", .approve_after_days = -1, .approve_until = 1790899199},
     "approves what was released until 2026-10-01T23:59:59Z"},
    {"rollout", {.name = (char *)"r", .rollout_hours = 48}, "approves at once, spread over 48 h: "},
};

static void test_rules(void **state)
{
        CLEANUP(json_freep) struct json *document = scenario_load_file("decide/scenarios.json");
        CLEANUP(json_freep) struct json *one = NULL;
        struct scenario scenario CLEANUP(scenario_done) = {.policy = NULL};
        struct diag diag = {0};

        (void)state;
        assert_int_equal(json_parse("{" APPROVED "}", strlen("{" APPROVED "}"), &one, &diag), 0);
        scenario_init(&scenario, json_get(document, "base"), one);
        for (size_t i = 0; i < ELEMENTSOF(rules); i++) {
                CLEANUP(freep)
                char *text =
                    explain_rule(&scenario.input, &rules[i].rule, &scenario.inventory->packages[0]);

                if (strncmp(text, rules[i].says, strlen(rules[i].says)) != 0)
                        fail_msg("%s: '%s'", rules[i].label, text);
        }
}

static const struct {
        const char *label;
        struct filter filter;
        const char *says; /* NULL: it takes it */
} filters[] = {
    {"all", {.severities = 0}, NULL},
    {"severity",
     {.severities = 1U << SEVERITY_CRITICAL | 1U << SEVERITY_LOW},
     "takes only severity critical, low, and this is high"},
    {"both",
     {.classifications = 1U << CLASSIFICATION_BUGFIX, .severities = 1U << SEVERITY_LOW},
     "takes only classification bugfix, and this is security; takes only severity low, and this is "
     "high"},
    {"one of two",
     {.classifications = 1U << CLASSIFICATION_SECURITY, .severities = 1U << SEVERITY_LOW},
     "takes only severity low, and this is high"},
};

static void test_mismatches(void **state)
{
        const struct verdict verdict = {.classification = CLASSIFICATION_SECURITY,
                                        .severity = SEVERITY_HIGH};
        const struct package package = {.name = (char *)"a"};

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(filters); i++) {
                CLEANUP(freep)
                char *text = explain_mismatch(&filters[i].filter, &package, &verdict);

                if (filters[i].says ? !text || strcmp(text, filters[i].says) != 0 : text != NULL)
                        fail_msg("%s: '%s'", filters[i].label, text ?: "NULL");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_installation),
            cmocka_unit_test(test_rules),
            cmocka_unit_test(test_mismatches),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
