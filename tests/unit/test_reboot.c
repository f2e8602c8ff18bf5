/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "decide/reboot.h"

#include <string.h>

/* ---- how long one takes ---- */

static const struct {
        const char *label;
        int64_t durations[REBOOT_DURATIONS_MAX];
        size_t n;
        int64_t want;
} reserves[] = {
    {"never seen", {0}, 0, 300},
    {"a container: the least", {5}, 1, 120},
    {"half as much again and a minute", {200}, 1, 360},
    {"the longest counts", {60, 400, 30}, 3, 660},
    {"a server with much memory", {2000}, 1, 3060},
    {"at most an hour", {3000}, 1, 3600},
    {"a clock that jumped", {INT64_MAX, 1}, 2, 3600},
    {"a clock that was set back", {-40}, 1, 300},
};

static void test_reserve(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(reserves); i++) {
                int64_t got = reboot_reserve_seconds(reserves[i].durations, reserves[i].n);

                if (got != reserves[i].want)
                        fail_msg("%s: %lld", reserves[i].label, (long long)got);
        }
}

/* ---- whether ---- */

static const char *const kernel = "kernel 1 runs, the newer 2 is installed";
static const char *const mark = "/run/reboot-required is there";

static const struct {
        const char *label;
        enum reboot_mode mode;
        const char *reasons[2], *tried[2], *unhelped[2];
        const char *owed_by;
        bool is_unknown, is_closed;
        size_t n_of_run, n_of_opening;
        int64_t left_seconds;
        enum reboot_choice want;
        const char *text; /* is in it */
        size_t n_reasons; /* that count */
} cases[] = {
#define CASE(label_, mode_, want_, text_, ...)                                                     \
        {                                                                                          \
                .label = (label_), .mode = (mode_), .left_seconds = 3600, .want = (want_),         \
                .text = (text_), __VA_ARGS__                                                       \
        }
#define NEEDED .reasons = {kernel}
    CASE("nothing to do", REBOOT_IF_NEEDED, REBOOT_NOTHING, "not needed", 0),
    CASE("nothing known", REBOOT_IF_NEEDED, REBOOT_NOTHING, "not known", .is_unknown = true),
    CASE("needed", REBOOT_IF_NEEDED, REBOOT_GO, "awaited", NEEDED, .n_reasons = 1),
    CASE("needed, never", REBOOT_NEVER, REBOOT_HELD, "says never", NEEDED),
    CASE("not needed, never", REBOOT_NEVER, REBOOT_NOTHING, "not needed", 0),
    CASE("owed, but if needed only", REBOOT_IF_NEEDED, REBOOT_NOTHING, "not needed",
         .owed_by = "r"),
    CASE("owed, but never", REBOOT_NEVER, REBOOT_NOTHING, "not needed", .owed_by = "r"),
    CASE("always, changed", REBOOT_ALWAYS, REBOOT_GO, "awaited", .owed_by = "r", .n_reasons = 1),
    CASE("always, nothing changed", REBOOT_ALWAYS, REBOOT_NOTHING, "not needed", 0),
    CASE("always, nothing changed, but needed", REBOOT_ALWAYS, REBOOT_GO, "awaited", NEEDED,
         .n_reasons = 1),
    CASE("always, both", REBOOT_ALWAYS, REBOOT_GO, "awaited", NEEDED, .owed_by = "r",
         .n_reasons = 2),
    CASE("tried in this boot", REBOOT_IF_NEEDED, REBOOT_HELD, "already", NEEDED, .tried = {kernel}),
    CASE("another reason since", REBOOT_IF_NEEDED, REBOOT_GO, "awaited", .reasons = {kernel, mark},
         .tried = {kernel}, .n_reasons = 1),
    CASE("the last one did not help", REBOOT_IF_NEEDED, REBOOT_HELD, "did not help: kernel", NEEDED,
         .unhelped = {kernel}),
    CASE("it helped against something else", REBOOT_IF_NEEDED, REBOOT_GO, "awaited",
         .reasons = {kernel, mark}, .unhelped = {kernel}, .n_reasons = 1),
    CASE("one vain, one tried", REBOOT_IF_NEEDED, REBOOT_HELD, "did not help",
         .reasons = {kernel, mark}, .unhelped = {kernel}, .tried = {mark}),
    CASE("always counts on, whatever the kernel", REBOOT_ALWAYS, REBOOT_GO, "awaited", NEEDED,
         .unhelped = {kernel}, .owed_by = "r", .n_reasons = 1),
    CASE("the run had one", REBOOT_IF_NEEDED, REBOOT_HELD, "had its reboot", NEEDED, .n_of_run = 1,
         .n_reasons = 1),
    CASE("two in this window", REBOOT_IF_NEEDED, REBOOT_GO, "awaited", NEEDED, .n_of_opening = 2,
         .n_reasons = 1),
    CASE("three in this window", REBOOT_IF_NEEDED, REBOOT_HELD, "are enough", NEEDED,
         .n_of_opening = 3, .n_reasons = 1),
    CASE("no window is open", REBOOT_IF_NEEDED, REBOOT_POSTPONE, "window is closed", NEEDED,
         .is_closed = true, .n_reasons = 1),
    {"a second too late",
     REBOOT_IF_NEEDED,
     {kernel},
     {0},
     {0},
     NULL,
     false,
     false,
     0,
     0,
     299,
     REBOOT_POSTPONE,
     "up to 300 s",
     1},
    {"just in time",
     REBOOT_IF_NEEDED,
     {kernel},
     {0},
     {0},
     NULL,
     false,
     false,
     0,
     0,
     300,
     REBOOT_GO,
     "awaited",
     1},
    {"the window has ended",
     REBOOT_ALWAYS,
     {kernel},
     {0},
     {0},
     NULL,
     false,
     false,
     0,
     0,
     0,
     REBOOT_POSTPONE,
     "window is closed",
     1},
};

static struct strv list(const char *const texts[2])
{
        struct strv strv = {0};

        for (size_t i = 0; i < 2 && texts[i]; i++)
                assert_int_equal(strv_add(&strv, texts[i]), 0);
        return strv;
}

static void test_decide(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(strv_done) struct strv reasons = list(cases[i].reasons);
                CLEANUP(strv_done) struct strv tried = list(cases[i].tried);
                CLEANUP(strv_done) struct strv unhelped = list(cases[i].unhelped);
                CLEANUP(reboot_decision_done) struct reboot_decision decision = {0};
                struct reboot_question question = {.mode = cases[i].mode,
                                                   .is_unknown = cases[i].is_unknown,
                                                   .reasons = &reasons,
                                                   .owed_by = cases[i].owed_by,
                                                   .tried = &tried,
                                                   .unhelped = &unhelped,
                                                   .n_of_run = cases[i].n_of_run,
                                                   .n_of_opening = cases[i].n_of_opening,
                                                   .opening = {.opens_at = 1000},
                                                   .reserve_seconds = 300,
                                                   .now = 100000};

                question.opening.closes_at = question.now + cases[i].left_seconds;
                if (cases[i].is_closed)
                        question.opening = (struct opening){0};
                assert_int_equal(reboot_decide(&question, &decision), 0);
                if (decision.choice != cases[i].want || !strstr(decision.text, cases[i].text) ||
                    (decision.choice == REBOOT_GO &&
                     decision.reasons.n_items != cases[i].n_reasons))
                        fail_msg("%s: %d '%s', %zu reasons", cases[i].label, (int)decision.choice,
                                 decision.text, decision.reasons.n_items);
        }
}

static void test_nothing_known_of_the_past(void **state)
{
        CLEANUP(strv_done) struct strv reasons = {0};
        CLEANUP(reboot_decision_done) struct reboot_decision decision = {0};
        const struct reboot_question question = {.mode = REBOOT_IF_NEEDED,
                                                 .reasons = &reasons,
                                                 .opening = {.opens_at = 1, .closes_at = 1000},
                                                 .now = 10};

        (void)state;
        assert_int_equal(strv_add(&reasons, kernel), 0);
        assert_int_equal(reboot_decide(&question, &decision), 0);
        assert_int_equal(decision.choice, REBOOT_GO);
}

static void test_services(void **state)
{
        CLEANUP(strv_done) struct strv services = {0}, reasons = {0};

        (void)state;
        assert_int_equal(strv_add(&services, "ssh.service"), 0);
        assert_int_equal(reboot_service_reasons(&services, &reasons), 0);
        assert_int_equal(reasons.n_items, 0);
        assert_int_equal(strv_add(&services, "dbus.service"), 0);
        assert_int_equal(reboot_service_reasons(&services, &reasons), 0);
        assert_int_equal(reasons.n_items, 1);
        assert_non_null(strstr(reasons.items[0], "dbus.service"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_reserve), cmocka_unit_test(test_decide),
            cmocka_unit_test(test_nothing_known_of_the_past), cmocka_unit_test(test_services)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
