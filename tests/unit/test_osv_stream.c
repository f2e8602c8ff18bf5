/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "packages/osv_stream.h"

#include <string.h>

static const struct {
        const char *label, *text;
        const char *records; /* joined by "|"; NULL: refused */
        const char *says;
} cases[] = {
    {"one", "{}", "{}", NULL},
    {"blanks around", " \n{\"a\": 1}\r\n", "{\"a\": 1}", NULL},
    {"a list", "[{\"a\":1},\n{\"b\":[{}]}]\n", "{\"a\":1}|{\"b\":[{}]}", NULL},
    {"an empty list", "[]", "", NULL},
    {"lines", "{\"a\":1}\n{\"b\":2}\n", "{\"a\":1}|{\"b\":2}", NULL},
    {"brackets in a string", "{\"a\":\"}]{\"}", "{\"a\":\"}]{\"}", NULL},
    {"a quote in a string", "{\"a\":\"\\\"}\"}", "{\"a\":\"\\\"}\"}", NULL},
    {"a backslash at its end", "[{\"a\":\"\\\\\"},{}]", "{\"a\":\"\\\\\"}|{}", NULL},
    {"empty", "", NULL, "no record in it"},
    {"blank", " \n", NULL, "no record in it"},
    {"cut in a record", "{\"a\":", NULL, "too early, after 5 bytes"},
    {"cut in a string", "{\"a", NULL, "too early"},
    {"cut in a list", "[{}", NULL, "too early"},
    {"words", "<html>", NULL, "no record begins at byte 0"},
    {"a number in the list", "[{},7]", NULL, "no record begins at byte 4"},
    {"a list in the list", "[[{}]]", NULL, "no record begins at byte 1"},
    {"more behind the list", "[{}] {}", NULL, "no record begins at byte 5"},
    {"a list behind a record", "{} []", NULL, "no record begins at byte 3"},
    {"a comma alone", "{},{}", NULL, "no record begins at byte 2"},
    {"closed twice", "{}}", NULL, "no record begins at byte 2"},
};

static int note_record(const char *text, size_t size, void *arg, struct diag *diag)
{
        struct str *found = arg;

        (void)diag;
        if (found->length > 0)
                str_append_char(found, '|');
        str_append_n(found, text, size);
        return 0;
}

static int read_pieces(const char *text, size_t piece, struct str *found, struct diag *diag)
{
        CLEANUP(osv_stream_done)
        struct osv_stream stream = {.record = note_record, .arg = found, .max_record_bytes = 100};
        size_t size = strlen(text);

        osv_stream_begin(&stream);
        for (size_t at = 0; at < size; at += piece) {
                int r =
                    osv_stream_add(&stream, text + at, size - at < piece ? size - at : piece, diag);

                if (r < 0)
                        return r;
        }
        return osv_stream_end(&stream, diag);
}

/* However the bytes are cut into pieces. */
static void test_cases(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (size_t piece = 1; piece < 12; piece++) {
                        CLEANUP(str_done) struct str found = {0};
                        struct diag diag = {0};
                        int r;

                        str_append(&found, "");
                        r = read_pieces(cases[i].text, piece, &found, &diag);
                        if ((r >= 0) != (cases[i].records != NULL))
                                fail_msg("%s: %d %s", cases[i].label, r, diag.text);
                        if (r >= 0 ? strcmp(found.data, cases[i].records) != 0
                                   : !strstr(diag.text, cases[i].says))
                                fail_msg("%s: '%s' '%s'", cases[i].label, found.data, diag.text);
                }
}

static void test_size(void **state)
{
        CLEANUP(str_done) struct str found = {0};
        char text[102] = "{";
        struct diag diag = {0};

        (void)state;
        memset(text + 1, ' ', 99);
        text[99] = '}';
        assert_int_equal(read_pieces(text, 10, &found, &diag), 0);
        text[99] = ' ';
        text[100] = '}';
        assert_int_equal(read_pieces(text, 10, &found, &diag), -E2BIG);
        assert_non_null(strstr(diag.text, "a record has more than 100 bytes"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_cases),
            cmocka_unit_test(test_size),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
