/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "report/outcome.h"

#include <string.h>

static struct outcome *make_outcome(void)
{
        struct outcome *outcome = calloc(1, sizeof(*outcome));
        struct outcome_package *package = outcome_add_package(outcome);

        outcome->run_id = strdup("20261122T010000Z-1a2b3c4d");
        outcome->trigger = strdup("window");
        outcome->policy_version = 42;
        outcome->started_at = 1763773200;
        outcome->finished_at = 1763773260;
        outcome->result = RUN_PARTIAL;
        outcome->message = strdup("one \"failed\"\n");
        outcome->reboot = strdup("requested at 2026-11-22T01:01:00Z");
        outcome->reboot_phase = REBOOT_PHASE_REQUESTED;
        outcome->reboot_owed_by = strdup("20261122T010000Z-1a2b3c4d");
        outcome->reboot_requested_at = 1763773260;
        outcome->rebooted_at = 1763773300;
        outcome->kernel = strdup("6.1.0-43-amd64");
        outcome->knows_services = true;
        assert_int_equal(strv_add(&outcome->services_to_restart, "dbus.service"), 0);
        package->name = strdup("openssl");
        package->arch = strdup("amd64");
        package->version_to = strdup("3");
        package->result = PACKAGE_FAILED;
        package->message = strdup("postinst exited 1");
        package = outcome_add_package(outcome);
        package->name = strdup("linux-image-6.1.0-9-amd64");
        package->arch = strdup("amd64");
        package->version_from = strdup("1");
        package->result = PACKAGE_REMOVED;
        for (size_t i = 0; i < 2; i++) {
                struct script_result result = {.phase = i == 0 ? SCRIPT_PRE_RUN : SCRIPT_AFTER_STEP,
                                               .name = strdup(i == 0 ? "drain" : "web"),
                                               .passed = i == 0,
                                               .exit_code = i == 0 ? 0 : -1,
                                               .timed_out = i == 1,
                                               .message = i == 0 ? NULL : strdup("timed out"),
                                               .output = strdup("a\nb")};

                assert_int_equal(script_results_add(&outcome->scripts, &result), 0);
        }
        return outcome;
}

static void test_round_trip(void **state)
{
        CLEANUP(outcome_freep) struct outcome *outcome = make_outcome();
        CLEANUP(outcome_freep) struct outcome *read = NULL;
        CLEANUP(freep) char *text = NULL;
        CLEANUP(freep) char *again = NULL;

        (void)state;
        assert_int_equal(outcome_to_text(outcome, &text), 0);
        assert_int_equal(outcome_from_text(text, strlen(text), &read, NULL), 0);
        assert_int_equal(outcome_to_text(read, &again), 0);
        assert_string_equal(text, again);
        assert_null(read->packages[0].version_from);
        assert_int_equal(read->packages[1].result, PACKAGE_REMOVED);
        assert_null(read->packages[1].version_to);
        assert_int_equal(read->reboot_phase, REBOOT_PHASE_REQUESTED);
        assert_int_equal(read->rebooted_at, outcome->rebooted_at);
        assert_true(read->knows_services);
        assert_string_equal(read->services_to_restart.items[0], "dbus.service");
        assert_int_equal(read->finished_at, outcome->finished_at);
        assert_int_equal(read->scripts.n_items, 2);
        assert_true(read->scripts.items[1].timed_out);
        assert_int_equal(read->scripts.items[1].exit_code, -1);
}

/* Those that stay known between runs, in words that stay the same. */
static void test_reboot_reasons(void **state)
{
        CLEANUP(outcome_freep) struct outcome *outcome = make_outcome();
        CLEANUP(strv_done) struct strv reasons = {0};

        (void)state;
        assert_int_equal(outcome_reboot_reasons(outcome, &reasons), 0);
        assert_int_equal(reasons.n_items, 2);
        assert_non_null(strstr(reasons.items[0], "dbus.service"));
        assert_non_null(strstr(reasons.items[1], outcome->run_id));
}

/* Written by a helper that knew nothing of reboots. */
static void test_old(void **state)
{
        static const char text[] = "{\"run_id\":\"x\",\"result\":\"failed\"}";
        CLEANUP(outcome_freep) struct outcome *outcome = NULL;

        (void)state;
        assert_int_equal(outcome_from_text(text, strlen(text), &outcome, NULL), 0);
        assert_int_equal(outcome->reboot_phase, REBOOT_PHASE_NONE);
        assert_false(outcome->knows_services);
}

static const struct {
        const char *label, *text, *want;
} bad_cases[] = {
    {"not JSON", "{", "ends too early"},
    {"no run id", "{\"result\":\"failed\"}", "run_id or result"},
    {"an unknown result", "{\"run_id\":\"x\",\"result\":\"great\"}", "run_id or result"},
    {"a package without a name",
     "{\"run_id\":\"x\",\"result\":\"failed\",\"packages\":[{\"version_to\":\"1\"}]}",
     "packages[0]: name or versions"},
};

static void test_bad(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(bad_cases); i++) {
                CLEANUP(outcome_freep) struct outcome *outcome = NULL;
                struct diag diag = {0};

                if (outcome_from_text(bad_cases[i].text, strlen(bad_cases[i].text), &outcome,
                                      &diag) == 0 ||
                    !strstr(diag.text, bad_cases[i].want))
                        fail_msg("%s: '%s'", bad_cases[i].label, diag.text);
        }
}

static const struct {
        const char *label;
        enum package_result results[3];
        size_t n;
        enum run_result want;
} judge_cases[] = {
    {"nothing to do", {0}, 0, RUN_SUCCEEDED},
    {"all there", {PACKAGE_UPDATED, PACKAGE_INSTALLED}, 2, RUN_SUCCEEDED},
    {"one failed", {PACKAGE_UPDATED, PACKAGE_FAILED}, 2, RUN_PARTIAL},
    {"one did not fit", {PACKAGE_UPDATED, PACKAGE_SKIPPED}, 2, RUN_PARTIAL},
    {"none reached", {PACKAGE_FAILED, PACKAGE_SKIPPED}, 2, RUN_FAILED},
};

static void test_judge(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(judge_cases); i++) {
                CLEANUP(outcome_freep) struct outcome *outcome = calloc(1, sizeof(*outcome));

                for (size_t j = 0; j < judge_cases[i].n; j++)
                        outcome_add_package(outcome)->result = judge_cases[i].results[j];
                if (outcome_judge(outcome) != judge_cases[i].want)
                        fail_msg("%s: %s", judge_cases[i].label,
                                 enum_name(&run_result_names, (int)outcome_judge(outcome)));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_round_trip), cmocka_unit_test(test_reboot_reasons),
            cmocka_unit_test(test_old),        cmocka_unit_test(test_bad),
            cmocka_unit_test(test_judge),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
