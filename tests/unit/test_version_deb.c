/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/cleanup.h"
#include "packages/version_deb.h"

#include <stdio.h>

static const struct compare_case {
        const char *label, *a, *b;
        int expected;
} compare_cases[] = {
    {"equal", "1.0-1", "1.0-1", 0},
    {"number, not text", "1.10", "1.9", 1},
    {"leading zeros", "1.007", "1.7", 0},
    {"longer than any integer", "1.99999999999999999999999999", "1.100000000000000000000000000",
     -1},
    {"epoch beats all", "1:0.1", "9.9", 1},
    {"epoch 0 is none", "0:1.0", "1.0", 0},
    {"epoch as a number", "10:1", "9:1", 1},
    {"tilde before the end", "1.0~rc1", "1.0", -1},
    {"tilde before a letter", "1.0~", "1.0a", -1},
    {"two tildes", "1.0~~", "1.0~", -1},
    {"tilde in the revision", "1.0-1~bpo12+1", "1.0-1", -1},
    {"letters before marks", "1.0a", "1.0+", -1},
    {"end before letters", "1.0", "1.0a", -1},
    {"upper before lower", "1.0Z", "1.0a", -1},
    {"no revision is before 0~", "1.0", "1.0-0~", 1},
    {"no revision equals 0", "1.0", "1.0-0", 0},
    {"a native update", "1.0", "1.0+nmu1", -1},
    {"binary rebuild", "1.0-1", "1.0-1+b1", -1},
    {"stable update", "3.0.17-1~deb12u2", "3.0.17-1~deb12u3", -1},
    {"stable update, tenth", "3.0.17-1~deb12u10", "3.0.17-1~deb12u9", 1},
    {"last hyphen splits", "1-2-3", "1-2-4", -1},
    {"upstream with hyphen", "1-0-1", "1-1", 1},
    {"real kernel", "6.1.99-1", "6.1.112-1", -1},
    {"empty is least", "", "0.1", -1},
    {"empty equals 0", "", "0", 0},
    {"an epoch that is no number stays text", "a:1", "1", 1},
};

static int sign(int value)
{
        return (value > 0) - (value < 0);
}

static void test_compare(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(compare_cases); i++) {
                const struct compare_case *c = &compare_cases[i];
                int there = sign(version_deb_compare(c->a, c->b));
                int back = sign(version_deb_compare(c->b, c->a));

                if (there != c->expected || back != -c->expected)
                        fail_msg("%s: %s against %s gives %d and %d", c->label, c->a, c->b, there,
                                 back);
        }
}

static const struct valid_case {
        const char *text;
        bool expected;
} valid_cases[] = {
    {"1", true},
    {"1.0-1", true},
    {"2147483647:1", true},
    {"2147483648:1", false},
    {"99999999999999999999:1", false},
    {"00000000000001:1", true},
    {"1:2:3", true},
    {"1.0~rc1+b2-1.1", true},
    {"", false},
    {"1:", false},
    {":1", false},
    {"a:1", false},
    {"-1", false},
    {"1.0-", false},
    {"a1", false},
    {"1_0", false},
    {"1 0", false},
    {"1.0-1_2", false},
    {"1.0-1:2", false},
    {"1-a:b", false},
    {"1:1-a:b", false},
};

static void test_valid(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(valid_cases); i++)
                if (version_deb_is_valid(valid_cases[i].text) != valid_cases[i].expected)
                        fail_msg("%s", valid_cases[i].text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_compare),
            cmocka_unit_test(test_valid),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
