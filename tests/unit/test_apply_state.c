/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "apply/state.h"
#include "folder.h"

#include <string.h>

/* A run that began at that time, with one package, or none for -1. */
static struct outcome *make_run(const char *run_id, time_t started_at, int result)
{
        struct outcome *outcome = calloc(1, sizeof(*outcome));
        struct outcome_package *package;

        assert_non_null(outcome);
        outcome->run_id = strdup(run_id);
        outcome->trigger = strdup("window");
        outcome->started_at = started_at;
        outcome->finished_at = started_at + 1;
        if (result < 0)
                return outcome;
        package = outcome_add_package(outcome);
        assert_non_null(package);
        package->name = strdup("app");
        package->arch = strdup("amd64");
        package->version_to = strdup("2");
        package->result = (enum package_result)result;
        return outcome;
}

/* As n runs leave it, one a second, their ids falling; all but the last one's files only lie there,
 * since hundreds of fsync() take their time. */
static void add_runs(void *state, const char *prefix, size_t n, time_t first, int result)
{
        const struct paths paths = {.apply_state = state};

        for (size_t i = 0; i < n; i++) {
                CLEANUP(freep) char *run_id = str_format("%s-%04zu", prefix, n - i);
                CLEANUP(freep) char *name = str_format("outcomes/%s.json", run_id);
                CLEANUP(outcome_freep)
                struct outcome *outcome = make_run(run_id, first + (time_t)i, result);
                CLEANUP(freep) char *text = NULL;

                if (i + 1 == n) {
                        assert_int_equal(state_write_outcome(&paths, outcome, NULL), 0);
                        return;
                }
                assert_int_equal(outcome_to_text(outcome, &text), 0);
                folder_write(state, name, text);
        }
}

struct counts {
        size_t n, n_changes;
        time_t newest, oldest_change;
};

static struct counts count(const struct paths *paths)
{
        struct counts counts = {0};
        struct outcome **outcomes = NULL;

        assert_int_equal(apply_state_outcomes(paths, &outcomes, &counts.n, NULL), 0);
        for (size_t i = 0; i < counts.n; i++) {
                if (i == 0)
                        counts.newest = outcomes[i]->started_at;
                if (outcome_has_changed(outcomes[i])) {
                        counts.n_changes++;
                        counts.oldest_change = outcomes[i]->started_at;
                }
                outcome_free(outcomes[i]);
        }
        free(outcomes);
        return counts;
}

static struct paths prepare(void *state, char **ret_folder)
{
        *ret_folder = folder_path(state, "outcomes");
        assert_non_null(*ret_folder);
        assert_int_equal(mkdir(*ret_folder, 0755), 0);
        return (struct paths){.apply_state = state};
}

/* Whoever may ask for runs picks their ids, and can have as many as he likes that do nothing. */
static void test_empty_runs_push_out_none_that_changed(void **state)
{
        CLEANUP(freep) char *folder = NULL;
        const struct paths paths = prepare(*state, &folder);
        struct counts counts;

        add_runs(*state, "m", 3, 1000, PACKAGE_UPDATED);
        add_runs(*state, "m-back", 1, 1500, PACKAGE_ROLLED_BACK);
        add_runs(*state, "z", 100, 2000, -1);
        add_runs(*state, "a", 100, 3000, PACKAGE_FAILED);
        counts = count(&paths);
        assert_int_equal(counts.n, 4 + APPLY_STATE_OTHERS_MAX);
        assert_int_equal(counts.n_changes, 4);
        assert_int_equal(counts.oldest_change, 1000);
        assert_int_equal(counts.newest, 3099);
}

/* Both kinds are bounded, and by time: ids say nothing. */
static void test_oldest_go(void **state)
{
        CLEANUP(freep) char *folder = NULL;
        const struct paths paths = prepare(*state, &folder);
        struct counts counts;

        add_runs(*state, "zzz", 1, 1, PACKAGE_INSTALLED);
        add_runs(*state, "empty", 1, 2, -1);
        add_runs(*state, "m", APPLY_STATE_CHANGES_MAX + 9, 1000, PACKAGE_UPDATED);
        counts = count(&paths);
        assert_int_equal(counts.n, APPLY_STATE_CHANGES_MAX + 1);
        assert_int_equal(counts.n_changes, APPLY_STATE_CHANGES_MAX);
        assert_int_equal(counts.oldest_change, 1009);
        assert_int_equal(folder_count(folder), counts.n);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_empty_runs_push_out_none_that_changed,
                                            folder_setup, folder_teardown),
            cmocka_unit_test_setup_teardown(test_oldest_go, folder_setup, folder_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
