/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "daemon/schedule.h"

#include <stdio.h>

enum { HOUR = 3600, NOW = 1800000000 /* a whole hour */ };

static struct schedule_facts healthy(void)
{
        return (struct schedule_facts){.node_hash = 600,
                                       .random = HOUR / 10, /* the middle: no jitter */
                                       .interval_sec = HOUR,
                                       .started_at = NOW - 10 * HOUR,
                                       .has_report = true,
                                       .cycle_began_at = NOW - 5,
                                       .cycle_ended_at = NOW};
}

static void check(const char *label, struct schedule_facts facts, time_t now, time_t want_at,
                  enum wake_reason want_reason)
{
        struct wake wake = schedule_next(&facts, now);

        if (wake.at != want_at || wake.reason != want_reason)
                fail_msg("%s: reason %d at now%+lld, wanted %d at now%+lld", label, wake.reason,
                         (long long)(wake.at - now), want_reason, (long long)(want_at - now));
}

/* ---- the start ---- */

static void test_start(void **state)
{
        struct schedule_facts facts = {.interval_sec = HOUR, .started_at = NOW, .random = 30};

        (void)state;
        check("no report yet", facts, NOW + 3, NOW + 3, WAKE_START);
        facts.has_report = true;
        check("the largest splay", facts, NOW, NOW + 30, WAKE_START);
        facts.random = 31;
        check("the smallest splay", facts, NOW, NOW, WAKE_START);
        facts.random = 10;
        check("seen later", facts, NOW + 7, NOW + 10, WAKE_START);
        check("the clock was set back", facts, NOW - 100 * HOUR, NOW - 100 * HOUR + 10, WAKE_START);
        assert_int_equal(schedule_next(&facts, NOW).trigger, TRIGGER_START);
}

/* ---- polls ---- */

static const struct {
        const char *label;
        int ended; /* seconds after a whole hour; the node's slot is 600 after */
        uint32_t random;
        int want;
} poll_cases[] = {
    {"just after its slot", 610, 360, HOUR + 600},
    {"well before its slot", 0, 360, HOUR + 600},
    {"early by jitter: not again for its own slot", 400, 360, HOUR + 600},
    {"late in the hour: the next but one", 3000, 360, 2 * HOUR + 600},
    {"exactly half an interval before", 2400, 360, 2 * HOUR + 600},
    {"one second more than half", 2399, 360, HOUR + 600},
    {"earliest jitter", 610, 0, HOUR + 240},
    {"latest jitter", 610, 720, HOUR + 960},
    {"jitter wraps", 610, 721, HOUR + 240},
};

static void test_polls(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(poll_cases); i++) {
                struct schedule_facts facts = healthy();

                facts.cycle_ended_at = NOW + poll_cases[i].ended;
                facts.random = poll_cases[i].random;
                check(poll_cases[i].label, facts, NOW + poll_cases[i].ended,
                      NOW + poll_cases[i].want, WAKE_POLL);
        }
}

/* Whatever the node, the draw and the interval: never sooner than 0.4, never later than 1.6. */
static void test_poll_distance(void **state)
{
        static const int intervals[] = {60, 61, 300, HOUR, 86400};

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(intervals); i++)
                for (uint32_t n = 0; n < 500; n++) {
                        struct schedule_facts facts = healthy();
                        time_t distance;

                        facts.interval_sec = intervals[i];
                        facts.node_hash = n * 2654435761U;
                        facts.random = n * 40503U;
                        distance = schedule_next(&facts, NOW).at - NOW;
                        assert_true(distance * 10 >= intervals[i] * 4);
                        assert_true(distance * 10 <= intervals[i] * 16);
                }
}

/* A fleet spreads over the interval: every sixth of an hour gets a fair part. */
static void test_fleet_spreads(void **state)
{
        size_t counts[6] = {0};

        (void)state;
        for (int n = 0; n < 6000; n++) {
                struct schedule_facts facts = healthy();
                char node_id[16];

                (void)snprintf(node_id, sizeof(node_id), "node-%d", n);
                facts.node_hash = schedule_hash(node_id);
                counts[schedule_next(&facts, NOW).at % HOUR / 600]++;
        }
        for (size_t i = 0; i < ELEMENTSOF(counts); i++)
                assert_in_range(counts[i], 850, 1150);
}

static void test_clock_set_back(void **state)
{
        struct schedule_facts facts = healthy();
        time_t now = NOW - 1000 * HOUR;

        (void)state;
        assert_true(schedule_next(&facts, now).at <= now + 2 * HOUR);
        facts.n_failures = 3;
        assert_true(schedule_next(&facts, now).at <= now + 4 * 60);
}

/* ---- an endpoint that is away ---- */

static const struct {
        const char *label;
        unsigned n_failures;
        uint32_t random;
        int64_t retry_after_sec;
        int want; /* after the cycle's end */
} backoff_cases[] = {
    {"never at once", 1, 0, 0, 5},
    {"within the first ceiling", 1, 60, 0, 60},
    {"full jitter wraps", 1, 61, 0, 5},
    {"the second ceiling", 2, 120, 0, 120},
    {"the sixth ceiling", 6, 1920, 0, 1920},
    {"at most one interval", 7, 3600, 0, 3600},
    {"still one interval", 7, 3601, 0, 5},
    {"after a million", 1000000, 3600, 0, 3600},
    {"Retry-After is longer", 1, 30, 1800, 1800},
    {"Retry-After is shorter", 1, 30, 10, 30},
    {"Retry-After of a year", 1, 30, 31536000, 6 * HOUR},
    {"Retry-After of nonsense", 1, 30, INT64_MAX, 6 * HOUR},
    {"Retry-After below zero", 1, 30, INT64_MIN, 30},
};

static void test_backoff(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(backoff_cases); i++) {
                struct schedule_facts facts = healthy();

                facts.n_failures = backoff_cases[i].n_failures;
                facts.random = backoff_cases[i].random;
                facts.retry_after_sec = backoff_cases[i].retry_after_sec;
                check(backoff_cases[i].label, facts, NOW, NOW + backoff_cases[i].want, WAKE_POLL);
        }
}

/* Whatever the clock does meanwhile, the pause stays as long as it was. */
static void test_jumps_of_the_clock(void **state)
{
        static const int64_t jumps[] = {0, HOUR, -HOUR, 365 * 24 * HOUR, -365 * 24 * HOUR};
        enum { WAIT = 1800, ELAPSED = 300 };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(jumps); i++) {
                struct schedule_facts facts = healthy();
                time_t now = NOW + ELAPSED + jumps[i];

                facts.cycle_ended_at = NOW;
                facts.n_failures = 1;
                facts.random = 0;
                facts.retry_after_sec = WAIT;
                schedule_follow_clock(&facts, now, ELAPSED);
                assert_int_equal(schedule_next_poll(&facts, now) - now, WAIT - ELAPSED);
        }
        struct schedule_facts fresh = {.interval_sec = HOUR};
        schedule_follow_clock(&fresh, NOW, 100);
        assert_int_equal(fresh.cycle_ended_at, 0);
}

static void test_retry_after_when_reachable(void **state)
{
        struct schedule_facts facts = healthy();

        (void)state;
        facts.retry_after_sec = 2 * HOUR;
        check("a healthy endpoint asks for a pause", facts, NOW, NOW + 2 * HOUR, WAKE_POLL);
}

/* ---- windows ---- */

/* The node's hash 600 downloads 15 + 10 minutes ahead and opens at once. Polls are out of the way.
 */
static const struct {
        const char *label;
        int now, began; /* seconds from opening */
        int want;
        enum wake_reason want_reason;
} window_cases[] = {
    {"long before", -10000, -10005, -1500, WAKE_DOWNLOAD},
    {"download is due", -1400, -10005, -1500, WAKE_DOWNLOAD},
    {"downloaded", -1400, -1500, 0, WAKE_OPENING},
    {"slept through the download", 10, -10005, 0, WAKE_OPENING},
    {"open and begun", 100, 0, 7200, WAKE_CLOSING},
    {"a cycle that began before it opened", 50, -5, 0, WAKE_OPENING},
    {"slept through it all", 9000, -10005, 7200, WAKE_CLOSING},
};

static void test_windows(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(window_cases); i++) {
                struct schedule_facts facts = healthy();

                facts.interval_sec = 86400;
                facts.opens_at = NOW + 86400;
                facts.closes_at = facts.opens_at + 7200;
                facts.cycle_began_at = facts.opens_at + window_cases[i].began;
                facts.cycle_ended_at = facts.cycle_began_at;
                check(window_cases[i].label, facts, facts.opens_at + window_cases[i].now,
                      facts.opens_at + window_cases[i].want, window_cases[i].want_reason);
        }
}

static void test_window_is_over(void **state)
{
        struct schedule_facts facts = healthy();

        (void)state;
        facts.opens_at = NOW - 8000;
        facts.closes_at = NOW - 800;
        check("a cycle has run since", facts, NOW, NOW + HOUR + 600, WAKE_POLL);
        facts.opens_at = NOW + 8000;
        facts.closes_at = facts.opens_at;
        check("an impossible window", facts, NOW, NOW + HOUR + 600, WAKE_POLL);
}

static void test_opening_is_splayed(void **state)
{
        struct schedule_facts facts = healthy();

        (void)state;
        facts.interval_sec = 86400;
        facts.node_hash = 659; /* 59 seconds */
        facts.opens_at = NOW + 100;
        facts.closes_at = NOW + 7200;
        check("some nodes a little later", facts, NOW, NOW + 159, WAKE_OPENING);
        assert_int_equal(schedule_next(&facts, NOW).trigger, TRIGGER_WINDOW);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_start),
            cmocka_unit_test(test_polls),
            cmocka_unit_test(test_poll_distance),
            cmocka_unit_test(test_fleet_spreads),
            cmocka_unit_test(test_clock_set_back),
            cmocka_unit_test(test_backoff),
            cmocka_unit_test(test_jumps_of_the_clock),
            cmocka_unit_test(test_retry_after_when_reachable),
            cmocka_unit_test(test_windows),
            cmocka_unit_test(test_window_is_over),
            cmocka_unit_test(test_opening_is_splayed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
