/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/cleanup.h"
#include "host/backoff.h"

static const struct backoff pauses = {.min_sec = 5, .base_sec = 60, .ceiling_sec = 3600};

static const struct {
        const char *label;
        unsigned n_failures;
        uint32_t random;
        int64_t delay_sec;
} cases[] = {
    {"the first, at its latest", 1, 60, 60}, {"full jitter wraps", 1, 61, 5},
    {"never below the least", 1, 0, 5},      {"the second doubles", 2, 120, 120},
    {"the sixth", 6, 32 * 60, 32 * 60},      {"the ceiling", 7, 3600, 3600},
    {"the ceiling stays", 1000000, 3601, 5}, {"no failure is as one", 0, 60, 60},
};

static void test_delays(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int64_t found = backoff_delay_sec(&pauses, cases[i].n_failures, cases[i].random);

                if (found != cases[i].delay_sec)
                        fail_msg("%s: %lld", cases[i].label, (long long)found);
        }
}

/* A base above the ceiling, as with polls every 30 seconds. */
static void test_short_ceiling(void **state)
{
        const struct backoff tight = {.min_sec = 5, .base_sec = 60, .ceiling_sec = 30};

        (void)state;
        for (uint32_t random = 0; random < 200; random++)
                assert_in_range(backoff_delay_sec(&tight, 3, random), 5, 30);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_delays),
            cmocka_unit_test(test_short_ceiling),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
