/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_support.h"

#include "base/str.h"
#include "policy/assignment.h"

/* The node of most cases. */
static struct node_tag web_tags[] = {
    {(char *)"Environment", (char *)"Production"},
    {(char *)"Ring", (char *)"1"},
    {(char *)"Ring", (char *)"canary"},
};
static struct node web = {
    .id = (char *)"0123",
    .hostname = (char *)"web-1",
    .os_id = (char *)"debian",
    .os_version = (char *)"12",
    .arch = (char *)"amd64",
    .tags = web_tags,
    .n_tags = ELEMENTSOF(web_tags),
};

/* A policy whose assignments have these `match`, named a, b, c. */
static struct policy *policy_with(const char *const *matches, size_t n_matches)
{
        CLEANUP(str_done) struct str text = {0};
        struct policy *policy = NULL;
        struct diag diag = {0};
        struct blob bytes;

        str_append(&text, "{\"type\":\"patchd.policy.v1\",\"policy_id\":\"a\",\"version\":1,"
                          "\"issued\":\"2026-01-01T00:00:00Z\","
                          "\"expires\":\"2027-01-01T00:00:00Z\",\"baselines\":{\"b\":{}},"
                          "\"assignments\":[");
        for (size_t i = 0; i < n_matches; i++)
                str_appendf(&text,
                            "%s{\"name\":\"%c\",\"match\":%s,\"baseline\":\"b\",\"mode\":\"scan\"}",
                            i > 0 ? "," : "", (int)('a' + i), matches[i]);
        str_append(&text, "]}");
        bytes = (struct blob){.data = text.data, .size = text.length};
        if (envelope_open_plain(&bytes, &system_zones, &policy, &diag) < 0)
                fail_msg("%s", diag.text);
        return policy;
}

static bool covers(const char *match, const struct node *node)
{
        CLEANUP(policy_freep) struct policy *policy = policy_with(&match, 1);

        return match_covers(&policy->assignments[0].match, node);
}

static const struct {
        const char *label, *match;
        bool want;
} web_cases[] = {
    {"everything", "{}", true},
    {"no tags wanted", "{\"tags\":{}}", true},
    {"tag", "{\"tags\":{\"Environment\":[\"Production\"]}}", true},
    {"tag, one of two values", "{\"tags\":{\"Environment\":[\"Stage\",\"Prod*\"]}}", true},
    {"tag of another value", "{\"tags\":{\"Environment\":[\"Stage\"]}}", false},
    {"tag values tell case", "{\"tags\":{\"Environment\":[\"production\"]}}", false},
    {"tag that isn't there", "{\"tags\":{\"Team\":[\"*\"]}}", false},
    {"tag keys are no globs", "{\"tags\":{\"Env*\":[\"Production\"]}}", false},
    {"two tags", "{\"tags\":{\"Environment\":[\"*\"],\"Ring\":[\"1\"]}}", true},
    {"two tags, one off", "{\"tags\":{\"Environment\":[\"*\"],\"Ring\":[\"2\"]}}", false},
    {"a tag's second value", "{\"tags\":{\"Ring\":[\"canary\"]}}", true},
    {"os", "{\"os\":[\"debian\"]}", true},
    {"os and release", "{\"os\":[\"debian:12\"]}", true},
    {"os and another release", "{\"os\":[\"debian:13\"]}", false},
    {"os and the start of a release", "{\"os\":[\"debian:1\"]}", false},
    {"os, release as a glob", "{\"os\":[\"debian:1?\"]}", true},
    {"one of two os", "{\"os\":[\"ubuntu\",\"debian:12\"]}", true},
    {"another os", "{\"os\":[\"ubuntu\"]}", false},
    {"host name", "{\"hostname\":[\"web-*\"]}", true},
    {"another host name", "{\"hostname\":[\"db-*\",\"web\"]}", false},
    {"arch", "{\"arch\":[\"amd64\"]}", true},
    {"arch as rpm says", "{\"arch\":[\"x86_64\"]}", true},
    {"arch as a glob of rpm's name", "{\"arch\":[\"x86*\"]}", true},
    {"another arch", "{\"arch\":[\"arm64\",\"i386\"]}", false},
    {"all keys", "{\"os\":[\"debian\"],\"hostname\":[\"web-1\"],\"arch\":[\"amd64\"]}", true},
    {"all keys but one", "{\"os\":[\"debian\"],\"hostname\":[\"web-1\"],\"arch\":[\"arm64\"]}",
     false},
};

static void test_match(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(web_cases); i++)
                if (covers(web_cases[i].match, &web) != web_cases[i].want)
                        fail_msg("%s: not %d", web_cases[i].label, web_cases[i].want);
}

static const struct {
        const char *label, *os_id, *os_version, *glob;
        bool want;
} os_cases[] = {
    {"minor releases belong to the major one", "rocky", "9.4", "rocky:9", true},
    {"the full version", "rocky", "9.4", "rocky:9.4", true},
    {"another minor release", "rocky", "9.4", "rocky:9.1", false},
    {"another major release", "rocky", "19.4", "rocky:9", false},
    {"ubuntu", "ubuntu", "24.04", "ubuntu:24.04", true},
    {"another ubuntu", "ubuntu", "24.10", "ubuntu:24.04", false},
    {"no version", "debian", "", "debian", true},
    {"no version, one wanted", "debian", "", "debian:13", false},
    {"no version at all", "debian", NULL, "debian:13", false},
    {"no os", NULL, NULL, "*", false},
};

static void test_match_os(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(os_cases); i++) {
                struct node node = {.os_id = (char *)os_cases[i].os_id,
                                    .os_version = (char *)os_cases[i].os_version};
                CLEANUP(strv_done) struct strv globs = {0};

                assert_true(match_covers_os(&globs, &node));
                assert_int_equal(strv_add(&globs, os_cases[i].glob), 0);
                if (match_covers_os(&globs, &node) != os_cases[i].want)
                        fail_msg("%s: not %d", os_cases[i].label, os_cases[i].want);
        }
}

static const struct {
        const char *arch, *glob;
        bool want;
} arch_cases[] = {
    {"x86_64", "amd64", true},    {"aarch64", "arm64", true},   {"arm64", "aarch64", true},
    {"i386", "i686", true},       {"i686", "i386", true},       {"armhf", "armv7hl", true},
    {"ppc64el", "ppc64le", true}, {"ppc64le", "ppc64el", true}, {"s390x", "s390x", true},
    {"riscv64", "riscv64", true}, {"s390x", "amd64", false},    {"arm64", "armhf", false},
    {"ppc64", "ppc64el", false},  {NULL, "*", false},           {"amd64", "i386", false},
};

static void test_match_arch(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(arch_cases); i++) {
                CLEANUP(freep) char *match = str_format("{\"arch\":[\"%s\"]}", arch_cases[i].glob);
                struct node node = {.arch = (char *)arch_cases[i].arch};

                if (covers(match, &node) != arch_cases[i].want)
                        fail_msg("%s as %s: not %d", arch_cases[i].arch ?: "none",
                                 arch_cases[i].glob, arch_cases[i].want);
        }
}

/* What a node doesn't know can't be matched, not even by "*". */
static void test_match_unknown_node(void **state)
{
        struct node nothing = {0};

        (void)state;
        assert_true(covers("{}", &nothing));
        assert_false(covers("{\"hostname\":[\"*\"]}", &nothing));
        assert_false(covers("{\"os\":[\"*\"]}", &nothing));
        assert_false(covers("{\"tags\":{\"a\":[\"*\"]}}", &nothing));
}

static const struct {
        const char *label, *matches[3];
        size_t n_matches;
        const char *want; /* NULL: unassigned */
} first_cases[] = {
    {"first of two that fit", {"{\"os\":[\"debian\"]}", "{}"}, 2, "a"},
    {"the second", {"{\"os\":[\"ubuntu\"]}", "{}", "{}"}, 3, "b"},
    {"none fits", {"{\"os\":[\"ubuntu\"]}", "{\"os\":[\"rhel\"]}"}, 2, NULL},
    {"there are none", {NULL}, 0, NULL},
};

static void test_first(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(first_cases); i++) {
                CLEANUP(policy_freep)
                struct policy *policy =
                    policy_with(first_cases[i].matches, first_cases[i].n_matches);
                const struct assignment *found = assignment_for(policy, &web);

                if (!str_equal(found ? found->name : NULL, first_cases[i].want))
                        fail_msg("%s: %s", first_cases[i].label, found ? found->name : "none");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_match),      cmocka_unit_test(test_match_os),
            cmocka_unit_test(test_match_arch), cmocka_unit_test(test_match_unknown_node),
            cmocka_unit_test(test_first),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
