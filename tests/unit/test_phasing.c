/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/cleanup.h"
#include "packages/phasing.h"

/* The draws were made by the C++ code that apt has, built with libstdc++: a machine takes a version
 * from that percentage on. */
static const struct phasing_case {
        const char *source, *version, *machine;
        int draw;
} cases[] = {
    {"a", "1", "b", 69},
    {"openssl", "3.0.2-0ubuntu1.19", "0123456789abcdef0123456789abcdef", 22},
    {"linux", "5.15.0-130.140", "ffffffffffffffffffffffffffffffff", 52},
    {"tzdata", "2024a-0ubuntu0.22.04", "5f3c2a9e8b7d4c6fa1e0d9c8b7a69584", 69},
    {"systemd", "249.11-0ubuntu3.12", "00000000000000000000000000000001", 50},
};

static void test_draw(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const struct phasing_case *c = &cases[i];

                for (int percent = 0; percent <= 100; percent++)
                        if (phasing_takes(c->source, c->version, c->machine, percent) !=
                            (percent >= c->draw))
                                fail_msg("%s at %d %%", c->source, percent);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_draw)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
