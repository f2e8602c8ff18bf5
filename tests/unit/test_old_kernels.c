/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "decide/old_kernels.h"

#include <string.h>

enum { PACKAGES_MAX = 12, KERNELS_MAX = 6 };

/* Each kernel takes 50 in /boot; what is installed is given as "release" or with marks before it:
 * "m" manual, "h" held, "b" broken, "u" updated by the plan, "0" without files in /boot. */
static const struct {
        const char *label;
        const char *kernels[KERNELS_MAX];
        const char *others[PACKAGES_MAX]; /* more packages, with the same marks */
        const char *running;
        const char *planned[3];
        int64_t free_bytes;
        const char *want; /* "needed freed: packages" */
} cases[] = {
    {"room enough",
     {"6.1.0-1-amd64", "6.1.0-2-amd64", "6.1.0-3-amd64"},
     {0},
     "6.1.0-3-amd64",
     {"linux-image-6.1.0-4-amd64"},
     55,
     "50 0:"},
    {"short of room: the oldest",
     {"6.1.0-9-amd64", "6.1.0-10-amd64", "6.1.0-11-amd64"},
     {0},
     "6.1.0-11-amd64",
     {"linux-image-6.1.0-12-amd64"},
     20,
     "50 50: linux-image-6.1.0-9-amd64"},
    {"room, but next to none to spare",
     {"6.1.0-1-amd64", "6.1.0-2-amd64", "6.1.0-3-amd64"},
     {0},
     "6.1.0-3-amd64",
     {"linux-image-6.1.0-4-amd64"},
     54,
     "50 50: linux-image-6.1.0-1-amd64"},
    {"no kernel is planned",
     {"6.1.0-1-amd64", "6.1.0-2-amd64", "6.1.0-3-amd64"},
     {0},
     "6.1.0-3-amd64",
     {"linux-libc-dev", "linux-image-amd64"},
     0,
     "0 0:"},
    {"as few as needed",
     {"1-1-a", "1-2-a", "1-3-a", "1-4-a", "1-5-a"},
     {0},
     "1-5-a",
     {"linux-image-1-6-a"},
     0,
     "50 100: linux-image-1-1-a linux-image-1-2-a"},
    {"two planned, in two flavours",
     {"1-1-a", "1-2-a", "1-3-a", "1-4-a"},
     {0},
     "1-4-a",
     {"linux-image-1-6-a", "linux-image-1-6-b"},
     30,
     "100 100: linux-image-1-1-a linux-image-1-2-a"},
    {"the running one stays",
     {"1-1-a", "1-2-a", "1-3-a", "1-4-a"},
     {0},
     "1-1-a",
     {"linux-image-1-6-a"},
     20,
     "50 50: linux-image-1-2-a"},
    {"the newest two stay", {"1-2-a", "1-3-a"}, {0}, "1-1-a", {"linux-image-1-6-a"}, 20, "50 0:"},
    {"of each flavour",
     {"1-1-a", "1-2-a", "1-1-b", "1-2-b"},
     {0},
     "1-2-a",
     {"linux-image-1-6-a"},
     20,
     "50 0:"},
    {"an older flavour",
     {"1-1-cloud-a", "1-2-cloud-a", "1-3-cloud-a", "1-9-a"},
     {0},
     "1-9-a",
     {"linux-image-1-10-a"},
     20,
     "50 50: linux-image-1-1-cloud-a"},
    {"an administrator's",
     {"m1-1-a", "1-2-a", "1-3-a", "1-4-a"},
     {0},
     "1-4-a",
     {"linux-image-1-6-a"},
     20,
     "50 50: linux-image-1-2-a"},
    {"held", {"h1-1-a", "1-2-a", "1-3-a"}, {0}, "1-3-a", {"linux-image-1-6-a"}, 20, "50 0:"},
    {"half installed",
     {"b1-1-a", "1-2-a", "1-3-a"},
     {0},
     "1-3-a",
     {"linux-image-1-6-a"},
     20,
     "50 0:"},
    {"updated by the plan",
     {"u1-1-a", "1-2-a", "1-3-a"},
     {0},
     "1-3-a",
     {"linux-image-1-6-a"},
     20,
     "100 0:"},
    {"without files in /boot",
     {"01-1-a", "1-2-a", "1-3-a", "1-4-a"},
     {0},
     "1-4-a",
     {"linux-image-1-6-a"},
     20,
     "50 50: linux-image-1-2-a"},
    {"all packages of a release",
     {"1-1-a", "1-2-a", "1-3-a"},
     {"linux-headers-1-1-a", "linux-headers-1-2-a", "linux-modules-1-1-a", "linux-headers-11-1-a"},
     "1-3-a",
     {"linux-image-1-6-a"},
     20,
     "50 50: linux-image-1-1-a linux-headers-1-1-a linux-modules-1-1-a"},
    {"one of them is an administrator's",
     {"1-1-a", "1-2-a", "1-3-a"},
     {"mlinux-headers-1-1-a"},
     "1-3-a",
     {"linux-image-1-6-a"},
     20,
     "50 0:"},
    {"removing does not help",
     {"1-1-a", "1-2-a", "1-3-a"},
     {0},
     "1-3-a",
     {"linux-image-1-6-a", "linux-image-1-6-b", "linux-image-1-6-c"},
     20,
     "150 0:"},
    {"nothing measured",
     {"01-1-a", "01-2-a", "01-3-a"},
     {0},
     "1-3-a",
     {"linux-image-1-6-a"},
     0,
     "0 0:"},
};

struct situation {
        struct inventory inventory;
        struct package packages[PACKAGES_MAX];
        struct boot_usage usage[KERNELS_MAX];
        size_t n_usage;
        struct plan_item items[PACKAGES_MAX];
        struct plan_step step;
        struct strv names;
};

static const char *own(struct situation *situation, const char *text)
{
        assert_int_equal(strv_add(&situation->names, text), 0);
        return situation->names.items[situation->names.n_items - 1];
}

static void plan_it(struct situation *situation, const char *name)
{
        situation->items[situation->step.n_items++] = (struct plan_item){
            .name = (char *)(uintptr_t)name, .arch = (char *)(uintptr_t) "amd64"};
}

static void add_package(struct situation *situation, char mark, const char *name)
{
        struct package *package = &situation->packages[situation->inventory.n_packages++];

        *package = (struct package){.name = (char *)(uintptr_t)name,
                                    .arch = (char *)(uintptr_t) "amd64",
                                    .version = (char *)(uintptr_t) "1",
                                    .is_auto = mark != 'm',
                                    .hold = mark == 'h' ? (char *)(uintptr_t) "hold" : NULL,
                                    .status = mark == 'b' ? (char *)(uintptr_t) "unpacked" : NULL};
        if (mark == 'u')
                plan_it(situation, name);
}

static char mark_of(const char **text)
{
        char mark = (*text)[0];

        if (strchr("mhbu", mark) || (mark == '0' && (*text)[1] != '.')) {
                (*text)++;
                return mark;
        }
        return ' ';
}

static void situation_init(struct situation *situation, size_t number)
{
        *situation = (struct situation){0};
        situation->inventory.packages = situation->packages;
        situation->step.items = situation->items;
        for (size_t i = 0; i < KERNELS_MAX && cases[number].kernels[i]; i++) {
                const char *release = cases[number].kernels[i];
                char mark = mark_of(&release);
                CLEANUP(freep) char *name = str_format("linux-image-%s", release);

                add_package(situation, mark, own(situation, name));
                assert_int_equal(strv_add(&situation->inventory.kernels, release), 0);
                situation->usage[situation->n_usage++] =
                    (struct boot_usage){.release = release, .size_bytes = mark == '0' ? 0 : 50};
        }
        for (size_t i = 0; i < PACKAGES_MAX && cases[number].others[i]; i++) {
                const char *name = cases[number].others[i];
                /* "linux-..." has no mark of its own */
                char mark = str_has_prefix(name, "linux") ? ' ' : mark_of(&name);

                add_package(situation, mark, name);
        }
        for (size_t i = 0; i < 3 && cases[number].planned[i]; i++)
                plan_it(situation, cases[number].planned[i]);
}

static void test_choices(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(old_kernels_done) struct old_kernels chosen = {0};
                CLEANUP(str_done) struct str found = {0};
                struct situation situation;
                struct plan plan = {.n_steps = 1};
                struct old_kernels_request request;

                situation_init(&situation, i);
                plan.steps = &situation.step;
                request = (struct old_kernels_request){.inventory = &situation.inventory,
                                                       .plan = &plan,
                                                       .running = cases[i].running,
                                                       .usage = situation.usage,
                                                       .n_usage = situation.n_usage,
                                                       .free_bytes = cases[i].free_bytes};
                assert_int_equal(old_kernels_choose(&request, &chosen), 0);
                str_appendf(&found, "%lld %lld:", (long long)chosen.needed_bytes,
                            (long long)chosen.freed_bytes);
                for (size_t j = 0; j < chosen.n_packages; j++)
                        str_appendf(&found, " %s", chosen.packages[j]->name);
                if (strcmp(found.data, cases[i].want) != 0)
                        fail_msg("%s: '%s', wanted '%s'", cases[i].label, found.data,
                                 cases[i].want);
                strv_done(&situation.names);
                strv_done(&situation.inventory.kernels);
        }
}

static void test_images(void **state)
{
        static const struct {
                const char *name;
                bool want;
        } names[] = {
            {"linux-image-6.1.0-37-amd64", true},
            {"linux-image-unsigned-6.1.0-37-amd64", true},
            {"linux-image-amd64", false},
            {"linux-image-6.1.0-37-amd64-dbg", false},
            {"linux-image-unsigned-6.5.0-1-generic-dbgsym", false},
            {"linux-headers-6.1.0-37-amd64", false},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (old_kernels_is_image(names[i].name) != names[i].want)
                        fail_msg("%s", names[i].name);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_choices),
            cmocka_unit_test(test_images),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
