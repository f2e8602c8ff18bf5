/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "policy/window.h"
#include "system_zone.h"

#include <string.h>

/* A window as one line; what is not given is 0. */
struct sketch {
        const char *rrule, *timezone;
        int start_minutes;
        int64_t minutes, cutoff, offset_days;
        const char *anchor, *except_from, *except_to;
};

static struct date day_of(const char *text)
{
        struct date day = {0};

        if (text)
                assert_int_equal(date_from_text(text, &day), 0);
        return day;
}

static time_t time_of(const char *text)
{
        time_t time = 0;

        assert_int_equal(time_from_rfc3339(text, &time), 0);
        return time;
}

static void make_window(const struct sketch *sketch, struct window *ret)
{
        struct diag diag = {0};

        *ret = (struct window){
            .name = strdup("w"),
            .rrule_text = strdup(sketch->rrule),
            .timezone = strdup(sketch->timezone),
            .start_minutes = sketch->start_minutes,
            .duration_minutes = sketch->minutes,
            .cutoff_minutes = sketch->cutoff,
            .offset_days = sketch->offset_days,
            .anchor = day_of(sketch->anchor),
        };
        if (rrule_parse(sketch->rrule, &ret->rrule, &diag) < 0 ||
            load_system_zone(sketch->timezone, &ret->zone, &diag) < 0)
                fail_msg("%s, %s: %s", sketch->rrule, sketch->timezone, diag.text);
        if (!sketch->except_from)
                return;
        ret->exceptions = calloc(1, sizeof(*ret->exceptions));
        assert_non_null(ret->exceptions);
        ret->exceptions[0].from = day_of(sketch->except_from);
        ret->exceptions[0].to = day_of(sketch->except_to);
        ret->n_exceptions = 1;
}

/* The openings from now on as text: "<opens_at> <closes_at>" a line. */
static const struct {
        const char *label;
        struct sketch window;
        const char *now;
        size_t n;
        const char *want;
} opening_cases[] = {
    {"next",
     {"FREQ=WEEKLY;BYDAY=SA", "UTC", 60, .minutes = 180},
     "2026-11-20T12:00:00Z",
     2,
     "2026-11-21T01:00:00Z 2026-11-21T04:00:00Z\n2026-11-28T01:00:00Z 2026-11-28T04:00:00Z\n"},
    {"opens now",
     {"FREQ=WEEKLY;BYDAY=SA", "UTC", 60, .minutes = 180},
     "2026-11-21T01:00:00Z",
     1,
     "2026-11-21T01:00:00Z 2026-11-21T04:00:00Z\n"},
    {"last second",
     {"FREQ=WEEKLY;BYDAY=SA", "UTC", 60, .minutes = 180},
     "2026-11-21T03:59:59Z",
     1,
     "2026-11-21T01:00:00Z 2026-11-21T04:00:00Z\n"},
    {"closed",
     {"FREQ=WEEKLY;BYDAY=SA", "UTC", 60, .minutes = 180},
     "2026-11-21T04:00:00Z",
     1,
     "2026-11-28T01:00:00Z 2026-11-28T04:00:00Z\n"},
    {"across midnight",
     {"FREQ=WEEKLY;BYDAY=SA", "UTC", 1380, .minutes = 240},
     "2026-11-22T02:59:59Z",
     1,
     "2026-11-21T23:00:00Z 2026-11-22T03:00:00Z\n"},
    {"day in the zone, not in UTC",
     {"FREQ=WEEKLY;BYDAY=SA", "Asia/Kathmandu", 60, .minutes = 180},
     "2026-11-20T00:00:00Z",
     1,
     "2026-11-20T19:15:00Z 2026-11-20T22:15:00Z\n"},
    {"the day before in UTC",
     {"FREQ=WEEKLY;BYDAY=SA", "Pacific/Kiritimati", 0, .minutes = 1440},
     "2026-11-21T09:59:59Z",
     1,
     "2026-11-20T10:00:00Z 2026-11-21T10:00:00Z\n"},
    {"the day after in UTC",
     {"FREQ=WEEKLY;BYDAY=SA", "Etc/GMT+12", 1439, .minutes = 1440},
     "2026-11-23T11:58:59Z",
     1,
     "2026-11-22T11:59:00Z 2026-11-23T11:59:00Z\n"},

    {"gap: one hour later, same length",
     {"FREQ=DAILY", "Europe/Berlin", 150, .minutes = 180},
     "2024-03-30T12:00:00Z",
     2,
     "2024-03-31T01:30:00Z 2024-03-31T04:30:00Z\n2024-04-01T00:30:00Z 2024-04-01T03:30:00Z\n"},
    {"ambiguous: the first, same length",
     {"FREQ=DAILY", "Europe/Berlin", 150, .minutes = 180},
     "2024-10-26T12:00:00Z",
     2,
     "2024-10-27T00:30:00Z 2024-10-27T03:30:00Z\n2024-10-28T01:30:00Z 2024-10-28T04:30:00Z\n"},
    {"a skipped day is opened once",
     {"FREQ=DAILY", "Pacific/Apia", 720, .minutes = 60},
     "2011-12-29T00:00:00Z",
     3,
     "2011-12-29T22:00:00Z 2011-12-29T23:00:00Z\n2011-12-30T22:00:00Z 2011-12-30T23:00:00Z\n"
     "2011-12-31T22:00:00Z 2011-12-31T23:00:00Z\n"},
    {"a skipped day alone",
     {"FREQ=MONTHLY;BYMONTHDAY=30", "Pacific/Apia", 720, .minutes = 60},
     "2011-12-01T00:00:00Z",
     1,
     "2011-12-30T22:00:00Z 2011-12-30T23:00:00Z\n"},
    {"days of 24 hours touch",
     {"FREQ=DAILY", "UTC", 0, .minutes = 1440},
     "2026-11-21T00:00:00Z",
     2,
     "2026-11-21T00:00:00Z 2026-11-22T00:00:00Z\n2026-11-22T00:00:00Z 2026-11-23T00:00:00Z\n"},
    {"overlap: the one that closes last",
     {"FREQ=DAILY", "Europe/Berlin", 720, .minutes = 1440},
     "2024-03-31T10:30:00Z",
     2,
     "2024-03-31T10:00:00Z 2024-04-01T10:00:00Z\n2024-04-01T10:00:00Z 2024-04-02T10:00:00Z\n"},
    {"just before the overlap",
     {"FREQ=DAILY", "Europe/Berlin", 720, .minutes = 1440},
     "2024-03-31T09:59:59Z",
     2,
     "2024-03-30T11:00:00Z 2024-03-31T11:00:00Z\n2024-03-31T10:00:00Z 2024-04-01T10:00:00Z\n"},

    {"Patch Tuesday + 3",
     {"FREQ=MONTHLY;BYDAY=2TU", "UTC", 60, .minutes = 60, .offset_days = 3},
     "2026-09-01T00:00:00Z",
     2,
     "2026-09-11T01:00:00Z 2026-09-11T02:00:00Z\n2026-10-16T01:00:00Z 2026-10-16T02:00:00Z\n"},
    {"into the next month",
     {"FREQ=MONTHLY;BYMONTHDAY=-1", "UTC", 0, .minutes = 60, .offset_days = 1},
     "2028-02-15T00:00:00Z",
     2,
     "2028-03-01T00:00:00Z 2028-03-01T01:00:00Z\n2028-04-01T00:00:00Z 2028-04-01T01:00:00Z\n"},
    {"the day before",
     {"FREQ=MONTHLY;BYMONTHDAY=1", "UTC", 0, .minutes = 60, .offset_days = -1},
     "2028-02-15T00:00:00Z",
     1,
     "2028-02-29T00:00:00Z 2028-02-29T01:00:00Z\n"},
    {"open, shifted by a month",
     {"FREQ=MONTHLY;BYMONTHDAY=1", "UTC", 1439, .minutes = 1440, .offset_days = 31},
     "2026-02-02T12:00:00Z",
     1,
     "2026-02-01T23:59:00Z 2026-02-02T23:59:00Z\n"},
    {"exception",
     {"FREQ=DAILY", "UTC", 0, .minutes = 60, .except_from = "2026-12-20",
      .except_to = "2027-01-05"},
     "2026-12-19T00:30:00Z",
     2,
     "2026-12-19T00:00:00Z 2026-12-19T01:00:00Z\n2027-01-06T00:00:00Z 2027-01-06T01:00:00Z\n"},
    {"exception of the shifted day",
     {"FREQ=MONTHLY;BYDAY=2TU", "UTC", 60, .minutes = 60, .offset_days = 3,
      .except_from = "2026-09-11", .except_to = "2026-09-11"},
     "2026-09-01T00:00:00Z",
     1,
     "2026-10-16T01:00:00Z 2026-10-16T02:00:00Z\n"},
    {"not of the picked day",
     {"FREQ=MONTHLY;BYDAY=2TU", "UTC", 60, .minutes = 60, .offset_days = 3,
      .except_from = "2026-09-08", .except_to = "2026-09-08"},
     "2026-09-01T00:00:00Z",
     1,
     "2026-09-11T01:00:00Z 2026-09-11T02:00:00Z\n"},
    {"exception ends before, the tail stays closed",
     {"FREQ=DAILY", "UTC", 1380, .minutes = 120, .except_from = "2026-12-20",
      .except_to = "2026-12-20"},
     "2026-12-21T00:30:00Z",
     1,
     "2026-12-21T23:00:00Z 2026-12-22T01:00:00Z\n"},
    {"fortnight",
     {"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "UTC", 0, .minutes = 60, .anchor = "2026-11-02"},
     "2026-11-03T00:00:00Z",
     2,
     "2026-11-16T00:00:00Z 2026-11-16T01:00:00Z\n2026-11-30T00:00:00Z 2026-11-30T01:00:00Z\n"},
    {"anchor ahead",
     {"FREQ=DAILY", "UTC", 0, .minutes = 60, .anchor = "2030-01-01"},
     "2026-11-03T00:00:00Z",
     1,
     "2030-01-01T00:00:00Z 2030-01-01T01:00:00Z\n"},
    {"Tuesday 29 February",
     {"FREQ=MONTHLY;BYMONTH=2;BYDAY=5TU", "UTC", 0, .minutes = 60},
     "2000-03-01T00:00:00Z",
     1,
     "2028-02-29T00:00:00Z 2028-02-29T01:00:00Z\n"},
    {"the longest wait",
     {"FREQ=MONTHLY;BYMONTH=2;BYDAY=5TU", "UTC", 0, .minutes = 60},
     "2084-03-01T00:00:00Z",
     1,
     "2124-02-29T00:00:00Z 2124-02-29T01:00:00Z\n"},
    {"none",
     {"FREQ=DAILY", "UTC", 0, .minutes = 60, .except_from = "2026-01-01",
      .except_to = "9999-12-31"},
     "2026-11-03T00:00:00Z",
     2,
     ""},
    {"none asked for", {"FREQ=DAILY", "UTC", 0, .minutes = 60}, "2026-11-03T00:00:00Z", 0, ""},
    {"before 1970", {"FREQ=DAILY", "UTC", 0, .minutes = 60}, "1969-12-31T00:00:00Z", 1, ""},
    {"year 9999",
     {"FREQ=DAILY", "UTC", 0, .minutes = 60},
     "9999-12-30T12:00:00Z",
     1,
     "9999-12-31T00:00:00Z 9999-12-31T01:00:00Z\n"},
};

static char *describe(const struct opening *openings, size_t n)
{
        CLEANUP(str_done) struct str lines = {0};
        char opens[TIME_TEXT_SIZE], closes[TIME_TEXT_SIZE], *text = NULL;

        for (size_t i = 0; i < n; i++)
                str_appendf(&lines, "%s %s\n", time_to_rfc3339(openings[i].opens_at, opens),
                            time_to_rfc3339(openings[i].closes_at, closes));
        assert_int_equal(str_take(&lines, &text), 0);
        return text;
}

static void test_openings(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(opening_cases); i++) {
                CLEANUP(window_done) struct window window = {0};
                CLEANUP(freep) char *got = NULL;
                struct opening openings[4] = {0}, next = {0};
                time_t now = time_of(opening_cases[i].now);
                size_t n;

                make_window(&opening_cases[i].window, &window);
                n = window_openings(&window, now, openings, opening_cases[i].n);
                got = describe(openings, n);
                if (strcmp(got, opening_cases[i].want) != 0)
                        fail_msg("%s:\n%s", opening_cases[i].label, got);
                if (n > 0 && (!window_next(&window, now, &next) ||
                              memcmp(&next, &openings[0], sizeof(next)) != 0))
                        fail_msg("%s: window_next() differs", opening_cases[i].label);
        }
}

static void test_is_open(void **state)
{
        static const struct sketch sketch = {"FREQ=DAILY", "UTC", 60, .minutes = 180, .cutoff = 30};
        CLEANUP(window_done) struct window window = {0};
        struct opening opening = {0};

        (void)state;
        make_window(&sketch, &window);
        assert_true(window_next(&window, time_of("2026-11-21T00:00:00Z"), &opening));
        assert_int_equal(opening.cutoff_at, time_of("2026-11-21T03:30:00Z"));
        assert_false(window_is_open(&opening, opening.opens_at - 1));
        assert_true(window_is_open(&opening, opening.opens_at));
        assert_true(window_is_open(&opening, opening.closes_at - 1));
        assert_false(window_is_open(&opening, opening.closes_at));
}

static void test_none_leaves_ret(void **state)
{
        static const struct sketch sketch = {"FREQ=DAILY",
                                             "UTC",
                                             0,
                                             .minutes = 60,
                                             .except_from = "2026-01-01",
                                             .except_to = "9999-12-31"};
        CLEANUP(window_done) struct window window = {0};
        struct opening opening = {1, 2, 3};

        (void)state;
        make_window(&sketch, &window);
        assert_false(window_next(&window, time_of("2026-11-21T00:00:00Z"), &opening));
        assert_int_equal(opening.opens_at, 1);
}

static const struct {
        const char *label;
        struct sketch window;
        const char *want; /* NULL: valid */
} validate_cases[] = {
    {"whole",
     {"FREQ=DAILY", "UTC", 1439, .minutes = 1440, .cutoff = 1439, .offset_days = 31},
     NULL},
    {"shortest", {"FREQ=DAILY", "UTC", 0, .minutes = 15, .offset_days = -31}, NULL},
    {"interval and anchor",
     {"FREQ=DAILY;INTERVAL=2", "UTC", 0, .minutes = 60, .anchor = "2026-01-01"},
     NULL},
    {"rare", {"FREQ=MONTHLY;BYMONTH=2;BYDAY=5TU", "UTC", 0, .minutes = 60}, NULL},
    {"rare, around 2100",
     {"FREQ=MONTHLY;BYMONTH=2;BYDAY=5TU", "UTC", 0, .minutes = 60, .anchor = "2084-03-01"},
     NULL},
    {"start",
     {"FREQ=DAILY", "UTC", 1440, .minutes = 60},
     "windows.w.start: 1440 is not in 0..1439"},
    {"too short",
     {"FREQ=DAILY", "UTC", 0, .minutes = 14},
     "windows.w.duration_minutes: 14 is not in 15..1440"},
    {"too long",
     {"FREQ=DAILY", "UTC", 0, .minutes = 1441},
     "windows.w.duration_minutes: 1441 is not in"},
    {"negative cutoff",
     {"FREQ=DAILY", "UTC", 0, .minutes = 60, .cutoff = -1},
     "windows.w.cutoff_minutes: -1 is not in"},
    {"cutoff is all",
     {"FREQ=DAILY", "UTC", 0, .minutes = 60, .cutoff = 60},
     "cutoff_minutes: 60 leaves no time"},
    {"offset",
     {"FREQ=DAILY", "UTC", 0, .minutes = 60, .offset_days = 32},
     "windows.w.offset_days: 32 is not in -31..31"},
    {"interval",
     {"FREQ=DAILY;INTERVAL=2", "UTC", 0, .minutes = 60},
     "windows.w.anchor: is missing; INTERVAL counts from it"},
    {"weekday",
     {"FREQ=WEEKLY", "UTC", 0, .minutes = 60},
     "windows.w.anchor: is missing; FREQ=WEEKLY without"},
    {"month day",
     {"FREQ=MONTHLY", "UTC", 0, .minutes = 60},
     "windows.w.anchor: is missing; FREQ=MONTHLY"},
    {"weeks that never meet the weekday",
     {"FREQ=DAILY;INTERVAL=7;BYDAY=TU", "UTC", 0, .minutes = 60, .anchor = "2026-11-23"},
     "windows.w: never opens"},
    {"years that never meet the month",
     {"FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=1;BYMONTH=3", "UTC", 0, .minutes = 60,
      .anchor = "2026-01-01"},
     "windows.w: never opens"},
    {"the anchor's day is in no such month",
     {"FREQ=MONTHLY;BYMONTH=2", "UTC", 0, .minutes = 60, .anchor = "2026-01-31"},
     "windows.w: never opens"},
    {"always excepted",
     {"FREQ=DAILY", "UTC", 0, .minutes = 60, .except_from = "0001-01-01",
      .except_to = "9999-12-31"},
     "windows.w: never opens"},
    {"exception backwards",
     {"FREQ=DAILY", "UTC", 0, .minutes = 60, .except_from = "2026-01-02",
      .except_to = "2026-01-01"},
     "windows.w.except[0]: 'from' is after 'to'"},
    {"exception without end",
     {"FREQ=DAILY", "UTC", 0, .minutes = 60, .except_from = "2026-01-02"},
     "windows.w.except[0]: not a date"},
};

static void test_validate(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(validate_cases); i++) {
                CLEANUP(window_done) struct window window = {0};
                struct diag diag = {0};
                int r;

                make_window(&validate_cases[i].window, &window);
                r = window_validate(&window, &diag);
                if (!validate_cases[i].want && r != 0)
                        fail_msg("%s: %s", validate_cases[i].label, diag.text);
                if (validate_cases[i].want &&
                    (r != -EINVAL || !strstr(diag.text, validate_cases[i].want)))
                        fail_msg("%s: %d '%s'", validate_cases[i].label, r, diag.text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_openings),
            cmocka_unit_test(test_is_open),
            cmocka_unit_test(test_none_leaves_ret),
            cmocka_unit_test(test_validate),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
