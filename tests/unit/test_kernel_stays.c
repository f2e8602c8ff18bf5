/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "decide/kernel_stays.h"

#include <string.h>

/* Lists are separated by blanks. */
static const struct {
        const char *label;
        const char *installed, *bootable, *running, *going, *package;
        const char *want; /* a part of the reason; NULL: it may go */
} cases[] = {
    {"a new one that was not booted", "1-1-a 1-2-a", "1-1-a 1-2-a", "1-1-a", "linux-image-1-2-a",
     "linux-image-1-2-a", NULL},
    {"the running one", "1-1-a 1-2-a", "1-1-a 1-2-a", "1-2-a", "linux-image-1-2-a",
     "linux-image-1-2-a", "of the running kernel"},
    {"its modules", "1-1-a 1-2-a", "1-1-a 1-2-a", "1-2-a", "linux-image-1-2-a linux-modules-1-2-a",
     "linux-modules-1-2-a", "of the running kernel"},
    {"its meta package", "1-1-a 1-2-a", "1-1-a 1-2-a", "1-2-a", "linux-image-1-2-a",
     "linux-image-a", NULL},
    {"no kernel", "1-1-a", "1-1-a", "1-1-a", "newdep", "newdep", NULL},
    {"another release that ends alike", "1-2-a 11-2-a", "1-2-a 11-2-a", "1-2-a",
     "linux-image-11-2-a", "linux-image-11-2-a", NULL},
    {"the only one", "1-2-a", "1-2-a", "9-9-host", "linux-image-1-2-a", "linux-image-1-2-a",
     "last kernel"},
    {"the older one is not in /boot", "1-1-a 1-2-a", "1-2-a", "9-9-host", "linux-image-1-2-a",
     "linux-image-1-2-a", "last kernel"},
    {"the older one is in no package", "1-2-a", "1-1-a 1-2-a", "9-9-host", "linux-image-1-2-a",
     "linux-image-1-2-a", "last kernel"},
    {"all go together", "1-2-a 1-2-b", "1-2-a 1-2-b", "9-9-host",
     "linux-image-1-2-a linux-image-1-2-b", "linux-image-1-2-a", "last kernel"},
    {"only the modules of the other go", "1-1-a 1-2-a", "1-1-a 1-2-a", "9-9-host",
     "linux-image-1-2-a linux-modules-1-1-a", "linux-image-1-2-a", "last kernel"},
    {"in a container, beside an older one", "1-1-a 1-2-a", "1-1-a 1-2-a", "9-9-host",
     "linux-image-1-2-a", "linux-image-1-2-a", NULL},
};

static void split(const char *text, struct strv *ret)
{
        CLEANUP(freep) char *copy = strdup(text);
        char *rest = copy, *word;

        while ((word = strsep(&rest, " ")))
                assert_int_equal(strv_add(ret, word), 0);
}

static void test_stays(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct inventory inventory = {0};
                CLEANUP(strv_done) struct strv bootable = {0}, going = {0};
                CLEANUP(freep) char *reason = NULL;
                const struct kernel_question question = {.inventory = &inventory,
                                                         .running = cases[i].running,
                                                         .bootable = &bootable,
                                                         .going = &going};

                split(cases[i].installed, &inventory.kernels);
                split(cases[i].bootable, &bootable);
                split(cases[i].going, &going);
                assert_int_equal(kernel_stays(&question, cases[i].package, &reason), 0);
                strv_done(&inventory.kernels);
                if (!cases[i].want != !reason || (reason && !strstr(reason, cases[i].want)))
                        fail_msg("%s: %s", cases[i].label, reason ?: "may go");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_stays),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
