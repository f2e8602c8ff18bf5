/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/cleanup.h"
#include "packages/apt_preferences.h"

#include <stdio.h>
#include <string.h>

/* Four indexes as a Debian host has them, and a local one. */
enum { MAIN, SECURITY, BACKPORTS, EXPERIMENTAL, LOCAL, STATUS, N_TARGETS };

static void make_targets(struct pin_target targets[static N_TARGETS])
{
        static const struct pin_target all[N_TARGETS] = {
            [MAIN] = {"oldstable", "bookworm", "12.15", "Debian", "Debian", "main", "amd64",
                      "deb.example.org", false, false, false, 0, NULL},
            [SECURITY] = {"oldstable-security", "bookworm-security", "12", "Debian",
                          "Debian-Security", "main", "amd64", "security.example.org", false, false,
                          false, 0, NULL},
            [BACKPORTS] = {"oldstable-backports", "bookworm-backports", "", "Debian Backports",
                           "Debian Backports", "contrib", "amd64", "deb.example.org", false, true,
                           true, 0, NULL},
            [EXPERIMENTAL] = {"experimental", "rc-buggy", "", "Debian", "Debian", "main", "i386",
                              "deb.example.org", false, true, false, 0, NULL},
            [LOCAL] = {"", "", "", "", "", "", "amd64", "", false, false, false, 0, NULL},
            [STATUS] = {"now", "", "", "", "", "now", "", "", true, false, false, 0, NULL},
        };

        memcpy(targets, all, sizeof(all));
}

static const struct index_case {
        const char *label, *pins;
        int expected[N_TARGETS];
} index_cases[] = {
    {"defaults", "", {500, 500, 100, 1, 500, 100}},
    {"archive",
     "Package: *\nPin: release a=oldstable\nPin-Priority: 900\n",
     {900, 500, 100, 1, 500, 100}},
    {"two keys",
     "Package: *\nPin: release l=Debian-Security, o=Debian\nPin-Priority: 990\n",
     {500, 990, 100, 1, 500, 100}},
    {"one key of two differs",
     "Package: *\nPin: release l=Debian-Security,o=X\nPin-Priority: 990\n",
     {500, 500, 100, 1, 500, 100}},
    {"codename glob",
     "Package: *\nPin: release n=bookworm*\nPin-Priority: 700\n",
     {700, 700, 700, 1, 500, 100}},
    {"regex",
     "Package: *\nPin: release n=/^(RC|sid)/\nPin-Priority: 600\n",
     {500, 500, 100, 600, 500, 100}},
    {"component and arch",
     "Package: *\nPin: release c=main, b=i386\nPin-Priority: 5\n",
     {500, 500, 100, 5, 500, 100}},
    {"version",
     "Package: *\nPin: release v=12*\nPin-Priority: 600\n",
     {600, 600, 100, 1, 500, 100}},
    {"plain word",
     "Package: *\nPin: release bookworm\nPin-Priority: 600\n",
     {600, 500, 100, 1, 500, 100}},
    {"plain version",
     "Package: *\nPin: release 12.15\nPin-Priority: 600\n",
     {600, 500, 100, 1, 500, 100}},
    {"all, with the installed",
     "Package: *\nPin: release *\nPin-Priority: -1\n",
     {-1, -1, -1, -1, -1, -1}},
    {"installed first",
     "Package: *\nPin: release a=now\nPin-Priority: 100\n\n"
     "Package: *\nPin: release *\nPin-Priority: -1\n",
     {-1, -1, -1, -1, -1, 100}},
    {"first general pin wins",
     "Package: *\nPin: release a=oldstable\nPin-Priority: 1\n\n"
     "Package: *\nPin: release n=bookworm\nPin-Priority: 900\n",
     {1, 500, 100, 1, 500, 100}},
    {"host",
     "Package: *\nPin: origin \"deb.example.org\"\nPin-Priority: 10\n",
     {10, 500, 10, 10, 500, 100}},
    {"host without quotes",
     "Package: *\nPin: origin security*\nPin-Priority: 10\n",
     {500, 10, 100, 1, 500, 100}},
    {"local", "Package: *\nPin: origin \"\"\nPin-Priority: 10\n", {500, 500, 100, 1, 10, 100}},
    {"never beats earlier pins",
     "Package: *\nPin: release a=oldstable\nPin-Priority: 900\n\n"
     "Package: *\nPin: release n=bookworm\nPin-Priority: never\n",
     {-32768, 500, 100, 1, 500, 100}},
    {"comments",
     "# c\nExplanation: why\nPackage: *\n# d\nPin: release a=oldstable\n"
     "Pin-Priority: 7\n# e\n",
     {7, 500, 100, 1, 500, 100}},
    {"unknown type is no pin",
     "Package: *\nPin: moon full\nPin-Priority: 7\n",
     {500, 500, 100, 1, 500, 100}},
    {"unknown key is no pin",
     "Package: *\nPin: release x=1\nPin-Priority: 7\n",
     {500, 500, 100, 1, 500, 100}},
    {"a named package is no general pin",
     "Package: a\nPin: release *\nPin-Priority: 7\n",
     {500, 500, 100, 1, 500, 100}},
};

static void test_indexes(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(index_cases); i++) {
                const struct index_case *c = &index_cases[i];
                struct apt_preferences preferences = {0};
                struct pin_target targets[N_TARGETS];
                struct diag diag = {0};

                make_targets(targets);
                if (apt_preferences_parse(&preferences, c->pins, strlen(c->pins), "f", &diag) != 0)
                        fail_msg("%s: %s", c->label, diag.text);
                for (int j = 0; j < N_TARGETS; j++) {
                        apt_preferences_judge_index(&preferences, &targets[j]);
                        if (targets[j].priority != c->expected[j])
                                fail_msg("%s: index %d has %d", c->label, j, targets[j].priority);
                }
                apt_preferences_done(&preferences);
        }
}

static const struct version_case {
        const char *label, *pins;
        int target;
        int expected;
} version_cases[] = {
    {"default", "", MAIN, 500},
    {"by name", "Package: openssl\nPin: release *\nPin-Priority: 7\n", MAIN, 7},
    {"another name", "Package: openssh\nPin: release *\nPin-Priority: 7\n", MAIN, 500},
    {"one of several names", "Package: x openssl y\nPin: release *\nPin-Priority: 7\n", MAIN, 7},
    {"glob", "Package: open*\nPin: release *\nPin-Priority: 7\n", MAIN, 7},
    {"regex", "Package: /SSL$/\nPin: release *\nPin-Priority: 7\n", MAIN, 7},
    {"source", "Package: src:ssl\nPin: release *\nPin-Priority: 7\n", MAIN, 7},
    {"source glob", "Package: src:ss*\nPin: release *\nPin-Priority: 7\n", MAIN, 7},
    {"another source", "Package: src:openssl\nPin: release *\nPin-Priority: 7\n", MAIN, 500},
    {"own arch", "Package: openssl:amd64\nPin: release *\nPin-Priority: 7\n", MAIN, 7},
    {"other arch", "Package: openssl:i386\nPin: release *\nPin-Priority: 7\n", MAIN, 500},
    {"any arch", "Package: openssl:any\nPin: release *\nPin-Priority: 7\n", MAIN, 7},
    {"version", "Package: openssl\nPin: version 3.0.1\nPin-Priority: 7\n", MAIN, 7},
    {"version prefix", "Package: openssl\nPin: version 3.0*\nPin-Priority: 7\n", MAIN, 7},
    {"other version", "Package: openssl\nPin: version 3.1*\nPin-Priority: 7\n", MAIN, 500},
    {"release that matches", "Package: openssl\nPin: release n=bookworm\nPin-Priority: 7\n", MAIN,
     7},
    {"release that doesn't", "Package: openssl\nPin: release n=bookworm\nPin-Priority: 7\n",
     SECURITY, 500},
    {"first specific pin wins",
     "Package: openssl\nPin: release *\nPin-Priority: 7\n\n"
     "Package: openssl\nPin: version *\nPin-Priority: 8\n",
     MAIN, 7},
    {"a glob before a name wins too",
     "Package: *ssl\nPin: release *\nPin-Priority: 7\n\n"
     "Package: openssl\nPin: release *\nPin-Priority: 8\n",
     MAIN, 7},
    {"specific beats general, in any order",
     "Package: *\nPin: release *\nPin-Priority: 900\n\n"
     "Package: openssl\nPin: release *\nPin-Priority: 7\n",
     MAIN, 7},
    {"never beats specific",
     "Package: openssl\nPin: release *\nPin-Priority: 900\n\n"
     "Package: *\nPin: release *\nPin-Priority: never\n",
     MAIN, -32768},
};

static void test_versions(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(version_cases); i++) {
                const struct version_case *c = &version_cases[i];
                struct apt_preferences preferences = {0};
                struct pin_target targets[N_TARGETS];
                const struct pin_target *list[1];
                const struct apt_pin *pin;
                const struct pin_version version = {.name = "openssl",
                                                    .arch = "all",
                                                    .native_arch = "amd64",
                                                    .source = "ssl",
                                                    .version = "3.0.1",
                                                    .targets = list,
                                                    .n_targets = 1};
                int priority;

                make_targets(targets);
                list[0] = &targets[c->target];
                assert_int_equal(
                    apt_preferences_parse(&preferences, c->pins, strlen(c->pins), "f", NULL), 0);
                apt_preferences_judge_index(&preferences, &targets[c->target]);
                priority = apt_preferences_judge_version(&preferences, &version, &pin);
                if (priority != c->expected)
                        fail_msg("%s: %d", c->label, priority);
                if ((pin != NULL) != (c->expected != 500) || (pin && strcmp(pin->file, "f") != 0))
                        fail_msg("%s: the pin", c->label);
                apt_preferences_done(&preferences);
        }
}

/* The highest of several indexes counts, and the default release goes before every pin. */
static void test_several(void **state)
{
        struct apt_preferences preferences = {0};
        struct pin_target targets[N_TARGETS];
        const struct pin_target *list[] = {&targets[STATUS], &targets[BACKPORTS], &targets[MAIN]};
        const struct apt_pin *pin;
        const struct pin_version version = {.name = "a",
                                            .arch = "amd64",
                                            .native_arch = "amd64",
                                            .source = "a",
                                            .version = "1",
                                            .targets = list,
                                            .n_targets = 3};
        static const char pins[] = "Package: *\nPin: release n=bookworm*\nPin-Priority: 10\n";

        (void)state;
        make_targets(targets);
        assert_int_equal(apt_preferences_add_default_release(&preferences, "bookworm-backports"),
                         0);
        assert_int_equal(apt_preferences_parse(&preferences, pins, strlen(pins), "f", NULL), 0);
        for (int i = 0; i < N_TARGETS; i++)
                apt_preferences_judge_index(&preferences, &targets[i]);
        assert_int_equal(targets[MAIN].priority, 10);
        assert_int_equal(targets[BACKPORTS].priority, 990);
        assert_int_equal(apt_preferences_judge_version(&preferences, &version, &pin), 990);
        assert_string_equal(pin->file, "APT::Default-Release");
        apt_preferences_done(&preferences);
}

static const struct refuse_case {
        const char *pins, *says;
} refuse_cases[] = {
    {"Pin: release *\nPin-Priority: 1\n", "f: a record without Package"},
    {"Package: a\nPin: release *\n", "without priority"},
    {"Package: a\nPin: release *\nPin-Priority: 0\n", "without priority"},
    {"Package: a\nPin: release *\nPin-Priority: 32768\n", "not from"},
    {"Package: a\nPin: release *\nPin-Priority: 5x\n", "not from"},
    {"Package: a\nPin: release *\nPin-Priority: never\n", "'Package: *' only"},
};

static void test_refused(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(refuse_cases); i++) {
                struct apt_preferences preferences = {0};
                struct diag diag = {0};
                const char *pins = refuse_cases[i].pins;

                if (apt_preferences_parse(&preferences, pins, strlen(pins), "f", &diag) !=
                        -EINVAL ||
                    !strstr(diag.text, refuse_cases[i].says))
                        fail_msg("%s: '%s'", pins, diag.text);
                apt_preferences_done(&preferences);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_indexes),
            cmocka_unit_test(test_versions),
            cmocka_unit_test(test_several),
            cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
