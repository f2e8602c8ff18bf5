/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "packages/deb822.h"

#include <stdio.h>
#include <string.h>

/* Collects "Package=Version;" of every stanza that is handed out. */
static int collect(const struct deb822_stanza *stanza, void *arg, struct diag *diag)
{
        struct deb822_value name = deb822_find(stanza, "package");
        struct deb822_value version = deb822_find(stanza, "VERSION");

        (void)diag;
        str_appendf(arg, "%.*s=%.*s;", (int)name.length, name.at ? name.at : "",
                    (int)version.length, version.at ? version.at : "");
        return 0;
}

static bool wants_wanted(const char *name, size_t length, void *arg)
{
        (void)arg;
        return length >= 1 && name[0] == 'w';
}

static const struct read_case {
        const char *label, *text, *expected;
        bool only_wanted;
        int error;
} read_cases[] = {
    {"nothing", "", "", false, 0},
    {"one", "Package: a\nVersion: 1\n\n", "a=1;", false, 0},
    {"no blank line at the end", "Package: a\nVersion: 1\n", "a=1;", false, 0},
    {"two", "Package: a\nVersion: 1\n\nPackage: b\nVersion: 2\n\n", "a=1;b=2;", false, 0},
    {"many blank lines", "\n\n\nPackage: a\nVersion: 1\n\n\n\nPackage: b\nVersion: 2\n", "a=1;b=2;",
     false, 0},
    {"only wanted", "Package: a\nVersion: 1\n\nPackage: w\nVersion: 2\n\nPackage: c\n\n", "w=2;",
     true, 0},
    {"package not first", "Version: 2\nPackage: w\n\nVersion: 3\nPackage: x\n\n", "w=2;", true, 0},
    {"package without blank", "Package:w\nVersion:2\n\n", "w=2;", true, 0},
    {"package in lower case", "package: w\nversion: 2\n\n", "w=2;", true, 0},
    {"a field in a continuation is none", "Package: w\nDescription: x\n Version: 9\nVersion: 2\n",
     "w=2;", true, 0},
    {"a name that only begins alike", "Package-Type: w\nPackage: a\n\n", "", true, 0},
    {"a longer name", "Package-w: b\nPackage: a\n\n", "", true, 0},
    {"no package", "Foo: w\n\nPackage: w\nVersion: 2\n\n", "w=2;", true, 0},
    {"cut within a line", "Package: a\nVersion: 1\n\nPackage: b\nVer", "a=1;", false, -EBADMSG},
    {"cut within a value", "Package: w", "", true, -EBADMSG},
};

/* Every case at every block size: no boundary may matter. */
static void test_read(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(read_cases); i++) {
                const struct read_case *c = &read_cases[i];
                size_t length = strlen(c->text);

                for (size_t block = 1; block <= length + 1; block++) {
                        struct str seen = {0};
                        const struct deb822_handler handler = {
                            .wants = c->only_wanted ? wants_wanted : NULL,
                            .take = collect,
                            .arg = &seen};
                        struct deb822_reader *reader = deb822_reader_new(&handler);
                        struct diag diag = {0};
                        int r = 0;

                        assert_non_null(reader);
                        for (size_t at = 0; r == 0 && at < length; at += block)
                                r = deb822_feed(reader, c->text + at,
                                                length - at < block ? length - at : block, &diag);
                        if (r == 0)
                                r = deb822_finish(reader, &diag);
                        if (r != c->error || strcmp(seen.data ? seen.data : "", c->expected) != 0)
                                fail_msg("%s, blocks of %zu: %d, '%s'", c->label, block, r,
                                         seen.data ? seen.data : "");
                        assert_int_equal(deb822_size(reader), length);
                        str_done(&seen);
                        deb822_reader_free(reader);
                }
        }
}

/* Stanzas around the length of the vector loop and of blocks. */
static void test_long(void **state)
{
        (void)state;
        for (size_t length = 1; length < 300; length++) {
                struct str text = {0}, seen = {0};
                const struct deb822_handler handler = {
                    .wants = wants_wanted, .take = collect, .arg = &seen};
                struct deb822_reader *reader = deb822_reader_new(&handler);

                for (int i = 0; i < 3; i++)
                        str_appendf(&text, "Package: %c\nX: %0*d\nVersion: %d\n\n",
                                    i == 1 ? 'w' : 'a', (int)length, 0, i);
                for (size_t at = 0; at < text.length; at += 97)
                        assert_int_equal(deb822_feed(reader, text.data + at,
                                                     text.length - at < 97 ? text.length - at : 97,
                                                     NULL),
                                         0);
                assert_int_equal(deb822_finish(reader, NULL), 0);
                if (strcmp(seen.data ? seen.data : "", "w=1;") != 0)
                        fail_msg("%zu: '%s'", length, seen.data ? seen.data : "");
                str_done(&text);
                str_done(&seen);
                deb822_reader_free(reader);
        }
}

static void test_too_long(void **state)
{
        static const char line[] = "X: 0123456789012345678901234567890123456789\n";
        struct str seen = {0};
        const struct deb822_handler handler = {.take = collect, .arg = &seen};
        struct deb822_reader *reader = deb822_reader_new(&handler);
        struct diag diag = {0};
        int r = 0;

        (void)state;
        for (size_t i = 0; r == 0 && i < 2 * DEB822_STANZA_MAX / strlen(line); i++)
                r = deb822_feed(reader, line, strlen(line), &diag);
        assert_int_equal(r, -E2BIG);
        assert_non_null(strstr(diag.text, "longer than"));
        deb822_reader_free(reader);
        str_done(&seen);
}

static void test_text(void **state)
{
        static const char text[] = "# head\r\nPackage: a\r\n# within\r\nVersion: 1\r\n \r\n"
                                   "Package: b  \n\t\nVersion: 3\nPackage: c";
        struct str seen = {0};
        const struct deb822_handler handler = {.take = collect, .arg = &seen};

        (void)state;
        assert_int_equal(deb822_read_text(text, strlen(text), &handler, NULL), 0);
        assert_string_equal(seen.data, "a=1;b=;c=3;");
        assert_int_equal(deb822_read_text("Package: a\0b\n", 13, &handler, NULL), -EINVAL);
        str_done(&seen);
}

static void test_values(void **state)
{
        static const char text[] = "A: yes\nB:   \nC: one\n two\n .\n three\nD: off\nA: second\n";
        const struct deb822_stanza stanza = {text, strlen(text)};
        struct deb822_value value, piece;
        char *copy = NULL;

        (void)state;
        assert_true(deb822_get_bool(&stanza, "A", false));
        assert_false(deb822_get_bool(&stanza, "D", true));
        assert_true(deb822_get_bool(&stanza, "C", true));
        assert_true(deb822_value_equals(deb822_find(&stanza, "B"), ""));
        assert_null(deb822_find(&stanza, "E").at);
        assert_int_equal(deb822_get(&stanza, "E", &copy), 0);
        assert_null(copy);
        assert_int_equal(deb822_get(&stanza, "C", &copy), 0);
        assert_string_equal(copy, "one\n two\n .\n three");
        free(copy);
        value = deb822_find(&stanza, "C");
        assert_true(deb822_next_line(&value, &piece));
        assert_true(deb822_value_equals(piece, "one"));
        assert_true(deb822_next_word(&value, &piece));
        assert_true(deb822_value_equals(piece, "two"));
        assert_true(deb822_next_word(&value, &piece));
        assert_true(deb822_next_word(&value, &piece));
        assert_true(deb822_value_equals(piece, "three"));
        assert_false(deb822_next_word(&value, &piece));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_read),     cmocka_unit_test(test_long),
            cmocka_unit_test(test_too_long), cmocka_unit_test(test_text),
            cmocka_unit_test(test_values),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
