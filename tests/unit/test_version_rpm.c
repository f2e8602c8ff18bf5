/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/cleanup.h"
#include "packages/inventory.h"
#include "packages/version_rpm.h"

static const struct compare_case {
        const char *label, *a, *b;
        int expected;
} compare_cases[] = {
    {"equal", "1.0-1.el9", "1.0-1.el9", 0},
    {"number, not text", "1.10-1", "1.9-1", 1},
    {"leading zeros", "1.007-1", "1.7-1", 0},
    {"longer than any integer", "1.99999999999999999999999999", "1.100000000000000000000000000",
     -1},
    {"epoch beats all", "1:0.1-1", "9.9-1", 1},
    {"no epoch is epoch 0", "0:1.0-1", "1.0-1", 0},
    {"an empty epoch is 0", ":1.0-1", "1.0-1", 0},
    {"epoch as a number", "10:1-1", "9:1-1", 1},
    {"epoch with zeros", "01:1-1", "1:1-1", 0},
    {"tilde before the end", "1.0~rc1-1", "1.0-1", -1},
    {"two tildes", "1.0~~-1", "1.0~-1", -1},
    {"caret after the end", "1.0^20260101-1", "1.0-1", 1},
    {"caret before the next part", "1.0^20260101-1", "1.0.1-1", -1},
    {"caret and tilde", "1.0^git1~pre-1", "1.0^git1-1", -1},
    {"tilde against caret", "1.0~-1", "1.0^-1", -1},
    {"caret in the release", "1.0-1^a", "1.0-1", 1},
    {"number after letters", "1.0-1.1", "1.0-1.a", 1},
    {"letters end where digits begin", "1.0a1-1", "1.0a-1", 1},
    {"longer word", "1.0-1.el9", "1.0-1.el9a", -1},
    {"upper before lower", "1.0Z-1", "1.0a-1", -1},
    {"separators are all alike", "1.0_1-1", "1.0+1-1", 0},
    {"separators without anything", "1.0.-1", "1.0-1", 0},
    {"more parts", "1.0.1-1", "1.0-1", 1},
    {"no release is before any", "1.0", "1.0-0", -1},
    {"last hyphen splits", "1-2-3", "1-2-4", -1},
    {"an epoch that is no number stays text", "a:1", "0:1", -1},
    {"real: openssl of a stream", "1:3.0.7-28.el9_4", "1:3.0.7-27.el9", 1},
    {"real: a module build", "1.20.1-22.module_el8.6.0+2720+1b2d6de4",
     "1.20.1-22.module_el8.10.0+3796+8d1c2f0a", -1},
    {"real: kernel", "5.14.0-427.13.1.el9_4", "5.14.0-70.30.1.el9_0", 1},
    {"empty is least", "", "0", -1},
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
                int there = sign(version_rpm_compare(c->a, c->b));
                int back = sign(version_rpm_compare(c->b, c->a));

                if (there != c->expected || back != -c->expected)
                        fail_msg("%s: %s against %s gives %d and %d", c->label, c->a, c->b, there,
                                 back);
        }
}

/* A version without a release: the same as one of 0 for dpkg, older than any for rpm. */
static void test_inventory(void **state)
{
        const struct inventory deb = {.format = FORMAT_DEB}, rpm = {.format = FORMAT_RPM};

        (void)state;
        assert_true(inventory_compare_versions(&rpm, "1.0", "1.0-0") < 0);
        assert_int_equal(inventory_compare_versions(&deb, "1.0", "1.0-0"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_compare),
            cmocka_unit_test(test_inventory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
