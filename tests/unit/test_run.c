/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "cycle/run.h"
#include "system_zone.h"

/* Daily 10:00 to 13:00 UTC, no new step from 12:30 on. */
static struct window window = {
    .name = (char *)"w", .start_minutes = 600, .duration_minutes = 180, .cutoff_minutes = 30};

static time_t today(int hour, int minute)
{
        return 20000 * (time_t)SECONDS_PER_DAY + hour * SECONDS_PER_HOUR +
               minute * SECONDS_PER_MINUTE;
}

static void test_choose(void **state)
{
        static const struct assignment with_window = {.window = &window, .mode = MODE_APPLY};
        static const struct assignment without = {.mode = MODE_APPLY};
        static const struct {
                const char *label;
                const struct assignment *assignment;
                struct run_question question; /* the time of day in `now` */
                bool may_not;
                enum run_choice choice;
        } cases[] = {
#define CASE(label, choice, ...) {label, &with_window, {__VA_ARGS__}, false, choice}
            CASE("long before", RUN_NOTHING, .n_planned = 1, .now = 8 * 3600 + 3599),
            CASE("an hour before", RUN_DOWNLOAD, .n_planned = 1, .now = 9 * 3600),
            CASE("an hour before, nothing to do", RUN_NOTHING, .now = 9 * 3600),
            CASE("a reboot is not downloaded", RUN_NOTHING, .reboot_required = true,
                 .now = 9 * 3600),
            CASE("just before", RUN_DOWNLOAD, .n_planned = 1, .now = 10 * 3600 - 1),
            CASE("it opens", RUN_APPLY, .n_planned = 1, .now = 10 * 3600),
            CASE("open, nothing to do", RUN_NOTHING, .now = 11 * 3600),
            CASE("open, a reboot", RUN_APPLY, .reboot_required = true, .now = 11 * 3600),
            CASE("before the cutoff", RUN_APPLY, .n_planned = 1, .now = 12 * 3600 + 1799),
            CASE("after the cutoff", RUN_NOTHING, .n_planned = 1, .now = 12 * 3600 + 1800),
            CASE("closed", RUN_NOTHING, .n_planned = 1, .now = 13 * 3600),
            {"not allowed", &with_window, {.n_planned = 1, .now = 11 * 3600}, true, RUN_NOTHING},
            {"unassigned", NULL, {.n_planned = 1, .now = 11 * 3600}, false, RUN_NOTHING},
            {"no window", &without, {.n_planned = 1, .now = 11 * 3600}, false, RUN_NOTHING},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct decisions decisions = {.assignment = cases[i].assignment,
                                              .may_apply = !cases[i].may_not};
                struct run_question question = cases[i].question;
                struct opening opening;
                enum run_choice choice;

                question.decisions = &decisions;
                question.now += today(0, 0);
                choice = run_choose(&question, &opening);
                if (choice != cases[i].choice)
                        fail_msg("%s: %d instead of %d", cases[i].label, choice, cases[i].choice);
        }
}

static void test_attempts(void **state)
{
        struct run_question work = {.n_planned = 1}, reboot = {.reboot_required = true};

        (void)state;
        assert_int_equal(run_attempts_max(&work), RUN_ATTEMPTS_MAX);
        assert_int_equal(run_attempts_max(&reboot), 1);
}

static int make_window(void **state)
{
        (void)state;
        if (rrule_parse("FREQ=DAILY", &window.rrule, NULL) < 0)
                return -1;
        return load_system_zone("UTC", &window.zone, NULL);
}

static int free_zone(void **state)
{
        (void)state;
        zone_free(window.zone);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_choose),
            cmocka_unit_test(test_attempts),
        };

        return cmocka_run_group_tests(tests, make_window, free_zone);
}
