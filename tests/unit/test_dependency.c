/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "packages/dependency.h"

#include <string.h>

static const struct {
        const char *label, *field, *want; /* "group:name relation version;" for each */
} cases[] = {
    {"empty", "", ""},
    {"one", "a", "0:a ;"},
    {"versions", "a (>= 1:2.0~rc1), b (= 3-1)", "0:a >=1:2.0~rc1;1:b =3-1;"},
    {"alternatives", "a|b (<< 2) , c", "0:a ;0:b <<2;1:c ;"},
    {"qualifiers", "python3:any (>= 3.9), x [amd64] <!nocheck>", "0:python3:any >=3.9;1:x ;"},
    {"a qualifier without a name for it", "a: (>= 1), b:i386", "1:b:i386 ;"},
    {"tight", "a(>=1),b", "0:a >=1;1:b ;"},
    {"folded lines", "a,\n b (>= 1)", "0:a ;1:b >=1;"},
    {"nothing between commas", ",,a", "2:a ;"},
    {"a relation without a version", "a (>=), b", "1:b ;"},
    {"not closed", "a (>= 1", "0:a >=1;"},
};

static int append(const struct dependency *dependency, void *arg)
{
        str_appendf(arg, "%zu:%s%s%s %s%s;", dependency->group, dependency->name,
                    dependency->arch[0] ? ":" : "", dependency->arch, dependency->relation,
                    dependency->version);
        return 0;
}

static void test_for_each(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(str_done) struct str found = {0};

                str_append(&found, "");
                assert_int_equal(dependency_for_each(cases[i].field, append, &found), 0);
                if (strcmp(found.data, cases[i].want) != 0)
                        fail_msg("%s: '%s'", cases[i].label, found.data);
        }
}

static void test_too_long(void **state)
{
        CLEANUP(str_done) struct str field = {0}, found = {0};

        (void)state;
        for (int i = 0; i < 1000; i++)
                str_append_char(&field, 'x');
        str_append(&field, ", ok");
        assert_int_equal(dependency_for_each(field.data, append, &found), 0);
        assert_string_equal(found.data, "1:ok ;");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_for_each),
            cmocka_unit_test(test_too_long),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
