/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/timetext.h"
#include "packages/deb_changelog.h"

#include <string.h>

#define HEAD "app (2.0-1) stable; urgency=medium\n\n  * Fix.\n\n"
#define TAIL " -- Some Body <some@body.invalid>  "

/* date NULL: something else; "": the entry has not ended */
static const struct date_case {
        const char *label, *text, *date;
} date_cases[] = {
    {"one entry", HEAD TAIL "Mon, 16 Nov 2026 09:30:00 +0100\n", "2026-11-16T08:30:00Z"},
    {"the first of two",
     HEAD TAIL "Mon, 16 Nov 2026 09:30:00 +0100\n\n" HEAD TAIL "Mon, 01 Jan 2024 00:00:00 +0000\n",
     "2026-11-16T08:30:00Z"},
    {"a day of one digit", HEAD TAIL "Mon,  2 Nov 2026 09:30:00 +0000\n", "2026-11-02T09:30:00Z"},
    {"west of Greenwich", HEAD TAIL "Sun, 15 Nov 2026 23:30:00 -0800\n", "2026-11-16T07:30:00Z"},
    {"blank lines before, carriage returns",
     "\n\r\napp (2.0-1) stable; urgency=medium\r\n\r\n" TAIL "Mon, 16 Nov 2026 09:30:00 +0000\r\n",
     "2026-11-16T09:30:00Z"},
    {"an epoch, a binary rebuild",
     "lib+x (1:2.0-1+b1) sid; urgency=low, binary-only=yes\n" TAIL
     "Mon, 16 Nov 2026 09:30:00 +0000\n",
     "2026-11-16T09:30:00Z"},
    {"a > in the name", HEAD " -- A > B <a@b.invalid>  Mon, 16 Nov 2026 09:30:00 +0000\n",
     "2026-11-16T09:30:00Z"},
    {"a mark in the text is no end",
     "app (2.0-1) stable; urgency=medium\n\n  -- not here  Mon, 16 Nov 2020 09:30:00 +0000\n" TAIL
     "Mon, 16 Nov 2026 09:30:00 +0000\n",
     "2026-11-16T09:30:00Z"},
    {"the year 1970 is a date; whoever judges it decides",
     HEAD TAIL "Thu, 01 Jan 1970 00:00:01 +0000\n", "1970-01-01T00:00:01Z"},
    {"a changelog of others", "2026-11-16  Some Body  <some@body.invalid>\n\n\t* main.c: Fix.\n",
     NULL},
    {"news", "Version 2.0 (stable)\n", NULL},
    {"no semicolon", "app (2.0-1) stable\n" TAIL "Mon, 16 Nov 2026 09:30:00 +0000\n", NULL},
    {"no version", "app stable; urgency=low\n", NULL},
    {"a day that does not exist", HEAD TAIL "Mon, 31 Nov 2026 09:30:00 +0000\n", NULL},
    {"words for a date", HEAD TAIL "yesterday\n", NULL},
    {"no date", HEAD TAIL "\n", NULL},
    {"no address", HEAD " -- Some Body  Mon, 16 Nov 2026 09:30:00 +0000\n", NULL},
    {"cut in the entry", HEAD, ""},
    {"cut in the date", HEAD TAIL "Mon, 16 Nov 2026 09:30:00 +0000", ""},
    {"nothing", "", ""},
};

static void check(const struct date_case *c, size_t piece)
{
        struct deb_changelog changelog CLEANUP(deb_changelog_done) = {0};
        size_t size = strlen(c->text);
        char found[TIME_TEXT_SIZE];

        for (size_t at = 0; at < size; at += piece) {
                size_t n = size - at < piece ? size - at : piece;

                assert_int_equal(deb_changelog_add(&changelog, c->text + at, n), 0);
        }
        if (!c->date ? changelog.state != DEB_CHANGELOG_FOREIGN
                     : !c->date[0] && changelog.state > DEB_CHANGELOG_ENTRY)
                fail_msg("%s: state %d", c->label, changelog.state);
        if (!c->date || !c->date[0])
                return;
        if (changelog.state != DEB_CHANGELOG_DATED ||
            strcmp(time_to_rfc3339(changelog.date, found), c->date) != 0)
                fail_msg("%s in pieces of %zu: state %d, %s", c->label, piece, changelog.state,
                         found);
}

static void test_dates(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(date_cases); i++)
                for (size_t piece = 1; piece < 300; piece += 7)
                        check(&date_cases[i], piece);
}

/* A line without end takes no memory. */
static void test_long_line(void **state)
{
        struct deb_changelog changelog CLEANUP(deb_changelog_done) = {0};
        char same[4096];

        (void)state;
        memset(same, 'a', sizeof(same));
        for (size_t i = 0; i < 1000; i++)
                assert_int_equal(deb_changelog_add(&changelog, same, sizeof(same)), 0);
        assert_true(changelog.line.capacity < 16 * DEB_CHANGELOG_LINE_MAX_BYTES);
        assert_int_equal(deb_changelog_add(&changelog, "\n", 1), 0);
        assert_int_equal(changelog.state, DEB_CHANGELOG_FOREIGN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_dates),
            cmocka_unit_test(test_long_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
