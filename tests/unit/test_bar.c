/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "ctl/bar.h"
#include "ctl/print.h"

#include <string.h>

#define UNKNOWN .percent = -1, .bytes_done = -1, .bytes_total = -1

static const struct progress installing = {.state = "installing",
                                           .text = "Unpacking openssl (amd64)",
                                           .package = "openssl",
                                           .percent = 45,
                                           .step = 3,
                                           .n_steps = 12,
                                           .bytes_done = -1,
                                           .bytes_total = -1};
static const struct progress downloading = {.state = "downloading",
                                            .text = "fetching the approved packages",
                                            .package = "linux-image-6.1.0-32-amd64",
                                            .percent = 7,
                                            .bytes_done = 12345678,
                                            .bytes_total = 69300000};
static const struct progress checking = {.state = "checking", .text = "", UNKNOWN};
static const struct progress hostile = {
    .state = "x", .text = "\033[2Ja\rb\nä€ö", .package = "a", .percent = 100, .bytes_total = -1};
static const struct progress small = {.state = "downloading",
                                      .text = "fetching",
                                      .percent = 100,
                                      .bytes_done = 0,
                                      .bytes_total = 999};

static const struct {
        const char *label;
        const struct progress *progress;
        size_t columns;
        const char *line;
} lines[] = {
    {"a wide terminal", &installing, 120,
     "[#############-----------------]  45% 3/12 Unpacking openssl (amd64)"},
    {"80 columns", &installing, 80, "[#########-----------]  45% 3/12 Unpacking openssl (amd64)"},
    {"no room for the bar", &installing, 39, " 45% 3/12 Unpacking openssl (amd64)"},
    {"cut", &installing, 24, " 45% 3/12 Unpacking ope"},
    {"no room for the step", &installing, 20, " 45% Unpacking open"},
    {"a few columns", &installing, 8, " 45% Un"},
    {"the percent alone", &installing, 5, " 45%"},
    {"nothing fits", &installing, 4, ""},
    {"no columns", &installing, 0, ""},
    {"a download", &downloading, 120,
     "[##----------------------------]   7% 12.3/69.3 MB linux-image-6.1.0-32-amd64: fetching the "
     "approved packages"},
    {"a download, narrow", &downloading, 40, "  7% 12.3/69.3 MB linux-image-6.1.0-32-"},
    {"no percent, no text", &checking, 60, "[---------------]      checking"},
    {"few bytes", &small, 50, "100% 0.0/1.0 kB fetching"},
    {"nothing of others moves the cursor", &hostile, 70,
     "[#################] 100% \\x1b[2Ja\\x0db\\x0aä€ö"},
    {"cut between characters", &hostile, 25, "100% \\x1b[2Ja\\x0db\\x0aä€"},
};

static void test_lines(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                CLEANUP(freep) char *line = bar_line(lines[i].progress, lines[i].columns, false);

                if (strcmp(line, lines[i].line) != 0)
                        fail_msg("%s: '%s'", lines[i].label, line);
        }
}

static void test_no_line_is_too_long(void **state)
{
        const struct progress *const all[] = {&installing, &downloading, &checking, &hostile,
                                              &small};

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                for (size_t columns = 1; columns < 300; columns++) {
                        CLEANUP(freep) char *line = bar_line(all[i], columns, false);

                        if (print_width(line) >= columns)
                                fail_msg("%zu columns: '%s'", columns, line);
                }
}

static void test_colour_is_all_that_differs(void **state)
{
        CLEANUP(freep) char *line = bar_line(&installing, 80, true);

        (void)state;
        assert_string_equal(
            line, "[\033[32m#########\033[0m-----------]  45% 3/12 Unpacking openssl (amd64)");
}

static void test_texts(void **state)
{
        static const struct {
                const struct progress *progress;
                const char *text;
        } texts[] = {
            {&installing, "45%, step 3/12: Unpacking openssl (amd64)"},
            {&downloading,
             "7%, 12.3/69.3 MB: linux-image-6.1.0-32-amd64: fetching the approved packages"},
            {&checking, "checking"},
            {&hostile, "100%: \\x1b[2Ja\\x0db\\x0aä€ö"},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                CLEANUP(freep) char *text = bar_text(texts[i].progress);

                assert_string_equal(text, texts[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_lines),
            cmocka_unit_test(test_no_line_is_too_long),
            cmocka_unit_test(test_colour_is_all_that_differs),
            cmocka_unit_test(test_texts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
