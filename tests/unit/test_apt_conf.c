/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "packages/apt_conf.h"

#include <string.h>

/* "key=value;" of every item. */
static const struct conf_case {
        const char *label, *text;
        const char *expected; /* NULL: refused */
} cases[] = {
    {"plain", "APT::Default-Release \"stable\";", "APT::Default-Release=stable;"},
    {"without quotes", "APT::Default-Release stable;\n", "APT::Default-Release=stable;"},
    {"block", "APT { Get { Phase-Policy \"1\"; }; Architecture \"amd64\"; };",
     "APT::Get::Phase-Policy=1;APT::Architecture=amd64;"},
    {"list", "APT::Architectures { \"amd64\"; \"i386\"; };",
     "APT::Architectures::=amd64;APT::Architectures::=i386;"},
    {"block with a value", "APT::Periodic \"x\" { Enable \"1\"; };",
     "APT::Periodic=x;APT::Periodic::Enable=1;"},
    {"comments", "// a \"\n# b\n/* c\nd; */ A \"1\"; // e\nB \"2\"; # f\n", "A=1;B=2;"},
    {"comment marks in quotes", "A \"http://x#y /* z */\";", "A=http://x#y /* z */;"},
    {"a last item without ;", "A { B \"1\" }", "A::B=1;"},
    {"clear", "A \"1\"; A::B \"2\"; AB \"3\"; #clear A;", "AB=3;"},
    {"joined texts", "A \"b\" \"c\";", "A=bc;"},
    {"append", "A:: \"1\"; A:: \"2\";", "A::=1;A::=2;"},
    {"stray marks", ";; };", ""},
    {"never ends", "A \"1", NULL},
    {"line break in a text", "A \"1\n\";", NULL},
    {"nameless block", "{ A \"1\"; };", NULL},
    {"junk after the value", "A b c;", NULL},
    {"unknown directive", "#include-not x;", NULL},
};

static void test_items(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct apt_conf conf = {0};
                struct str text = {0};
                char *seen = NULL;
                int r = apt_conf_parse(&conf, cases[i].text, strlen(cases[i].text), NULL);

                for (size_t j = 0; j < conf.n_items; j++)
                        str_appendf(&text, "%s=%s;", conf.items[j].key, conf.items[j].value);
                assert_int_equal(str_take(&text, &seen), 0);
                if (cases[i].expected ? r != 0 || strcmp(seen, cases[i].expected) != 0 : r >= 0)
                        fail_msg("%s: %d '%s'", cases[i].label, r, seen);
                free(seen);
                apt_conf_done(&conf);
        }
}

static void test_lookup(void **state)
{
        static const char text[] = "a::b \"no\"; A::B \"TRUE\"; A::L { \"1\"; \"2\"; };"
                                   "#include \"/x\";";
        struct apt_conf conf = {0};
        struct strv list = {0};

        (void)state;
        assert_int_equal(apt_conf_parse(&conf, text, strlen(text), NULL), 0);
        assert_string_equal(apt_conf_get(&conf, "A::b"), "TRUE");
        assert_true(apt_conf_get_bool(&conf, "A::B", false));
        assert_true(apt_conf_get_bool(&conf, "A::C", true));
        assert_null(apt_conf_get(&conf, "A::C"));
        assert_int_equal(apt_conf_get_list(&conf, "A::L", &list), 0);
        assert_int_equal(list.n_items, 2);
        assert_string_equal(list.items[1], "2");
        assert_string_equal(conf.includes.items[0], "/x");
        strv_done(&list);
        apt_conf_done(&conf);
}

/* Blocks that never end may not use up the stack. */
static void test_depth(void **state)
{
        struct apt_conf conf = {0};
        struct str text = {0};

        (void)state;
        for (int i = 0; i < 100; i++)
                str_append(&text, "A {");
        assert_int_equal(apt_conf_parse(&conf, text.data, text.length, NULL), -E2BIG);
        apt_conf_done(&conf);
        str_done(&text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_items),
            cmocka_unit_test(test_lookup),
            cmocka_unit_test(test_depth),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
