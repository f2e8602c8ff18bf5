/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "policy/rrule.h"

#include <string.h>

static const struct {
        const char *label, *text, *want; /* part of the error; NULL: it parses */
} parse_cases[] = {
    {"daily", "FREQ=DAILY", NULL},
    {"any order", "BYDAY=MO,TU;INTERVAL=2;FREQ=WEEKLY", NULL},
    {"nth", "FREQ=MONTHLY;BYDAY=2TU,-1FR,+5SU", NULL},
    {"month days", "FREQ=MONTHLY;BYMONTHDAY=1,-31,+15", NULL},
    {"leading zero", "FREQ=MONTHLY;BYMONTHDAY=01;BYMONTH=02", NULL},
    {"leap day", "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=29", NULL},
    {"leap day on a Monday", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO", NULL},
    {"fifth Tuesday of February", "FREQ=MONTHLY;BYMONTH=2;BYDAY=5TU", NULL},
    {"one of the days exists", "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30,28", NULL},
    {"largest interval", "FREQ=DAILY;INTERVAL=366", NULL},

    {"empty", "", "'' is not NAME=VALUE"},
    {"no frequency", "BYDAY=MO", "FREQ is missing"},
    {"trailing semicolon", "FREQ=DAILY;", "'' is not NAME=VALUE"},
    {"no value", "FREQ", "'FREQ' is not NAME=VALUE"},
    {"empty value", "FREQ=", "FREQ: '' is not one of DAILY, WEEKLY, MONTHLY"},
    {"hourly", "FREQ=HOURLY", "FREQ: 'HOURLY' is not one of"},
    {"yearly", "FREQ=YEARLY", "FREQ: 'YEARLY' is not one of"},
    {"lower case", "freq=daily", "unknown part 'freq'"},
    {"a list of frequencies", "FREQ=DAILY,WEEKLY", "FREQ: 'DAILY,WEEKLY'"},
    {"property name", "RRULE:FREQ=DAILY", "unknown part 'RRULE:FREQ'"},
    {"unknown part", "FREQ=DAILY;BYWEEKDAY=MO", "unknown part 'BYWEEKDAY'; known are FREQ,"},
    {"blank", "FREQ=DAILY; BYDAY=MO", "unknown part ' BYDAY'"},
    {"twice", "FREQ=DAILY;FREQ=DAILY", "FREQ stands twice"},
    {"part twice", "FREQ=WEEKLY;BYDAY=MO;BYDAY=TU", "BYDAY stands twice"},
    {"count", "FREQ=DAILY;COUNT=3", "COUNT is not supported"},
    {"until", "FREQ=DAILY;UNTIL=20261231", "UNTIL is not supported"},
    {"set position", "FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2", "BYSETPOS is not supported"},
    {"hour", "FREQ=DAILY;BYHOUR=3", "BYHOUR is not supported: use 'start'"},
    {"week start", "FREQ=WEEKLY;BYDAY=MO;WKST=SU", "weeks start on Monday"},
    {"interval 0", "FREQ=DAILY;INTERVAL=0", "INTERVAL: '0' is not a number in 1..366"},
    {"interval 367", "FREQ=DAILY;INTERVAL=367", "INTERVAL: '367'"},
    {"interval -1", "FREQ=DAILY;INTERVAL=-1", "INTERVAL: '-1'"},
    {"interval +1", "FREQ=DAILY;INTERVAL=+1", "INTERVAL: '+1'"},
    {"interval huge", "FREQ=DAILY;INTERVAL=99999999999", "INTERVAL: '99999999999'"},
    {"interval list", "FREQ=DAILY;INTERVAL=1,2", "INTERVAL: '1,2'"},
    {"weekday", "FREQ=WEEKLY;BYDAY=MON", "BYDAY: 'MON' is not a weekday"},
    {"no weekday", "FREQ=WEEKLY;BYDAY=", "BYDAY: '' is not a weekday"},
    {"trailing comma", "FREQ=WEEKLY;BYDAY=MO,", "BYDAY: '' is not a weekday"},
    {"0th", "FREQ=MONTHLY;BYDAY=0MO", "BYDAY: '0MO'"},
    {"6th", "FREQ=MONTHLY;BYDAY=6MO", "BYDAY: '6MO'"},
    {"sign without number", "FREQ=MONTHLY;BYDAY=-MO", "BYDAY: '-MO'"},
    {"AWS nth", "FREQ=MONTHLY;BYDAY=TU#2", "BYDAY: 'TU#2'"},
    {"nth with WEEKLY", "FREQ=WEEKLY;BYDAY=2TU", "needs FREQ=MONTHLY"},
    {"nth with DAILY", "BYDAY=2TU;FREQ=DAILY", "needs FREQ=MONTHLY"},
    {"month day 0", "FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY: '0' is not a day in"},
    {"month day 32", "FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY: '32'"},
    {"month day -32", "FREQ=MONTHLY;BYMONTHDAY=-32", "BYMONTHDAY: '-32'"},
    {"month day with WEEKLY", "FREQ=WEEKLY;BYDAY=MO;BYMONTHDAY=1", "can't stand with FREQ=WEEKLY"},
    {"month 13", "FREQ=MONTHLY;BYMONTH=13", "BYMONTH: '13' is not a month in 1..12"},
    {"month name", "FREQ=MONTHLY;BYMONTH=JAN", "BYMONTH: 'JAN'"},
    {"30 February", "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "never happens"},
    {"31st of short months", "FREQ=DAILY;BYMONTH=4,6,9,11;BYMONTHDAY=31", "never happens"},
    {"second Tuesday on the 20th", "FREQ=MONTHLY;BYDAY=2TU;BYMONTHDAY=20", "never happens"},
};

static void test_parse(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(parse_cases); i++) {
                struct rrule rule;
                struct diag diag = {0};
                int r = rrule_parse(parse_cases[i].text, &rule, &diag);

                if (!parse_cases[i].want && r != 0)
                        fail_msg("%s: %s", parse_cases[i].label, diag.text);
                if (parse_cases[i].want &&
                    (r != -EINVAL || !strstr(diag.text, parse_cases[i].want)))
                        fail_msg("%s: %d '%s'", parse_cases[i].label, r, diag.text);
        }
}

static void test_long_text(void **state)
{
        char text[RRULE_TEXT_MAX + 2];
        struct rrule rule;
        struct diag diag = {0};

        (void)state;
        memset(text, 'A', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(rrule_parse(text, &rule, &diag), -EINVAL);
        assert_non_null(strstr(diag.text, "longer than 512"));
}

/* Every day that a rule picks from `from` to `to`. */
static const struct {
        const char *label, *text, *anchor, *from, *to, *want;
} day_cases[] = {
    {"daily", "FREQ=DAILY", NULL, "2026-02-27", "2026-03-02",
     "2026-02-27 2026-02-28 2026-03-01 2026-03-02"},
    {"every third day", "FREQ=DAILY;INTERVAL=3", "2026-02-26", "2026-02-20", "2026-03-05",
     "2026-02-26 2026-03-01 2026-03-04"},
    {"weekdays", "FREQ=DAILY;BYDAY=SA,SU", NULL, "2026-11-20", "2026-11-29",
     "2026-11-21 2026-11-22 2026-11-28 2026-11-29"},
    {"weekly", "FREQ=WEEKLY;BYDAY=SA", NULL, "2026-11-20", "2026-12-06",
     "2026-11-21 2026-11-28 2026-12-05"},
    {"weekday of the anchor", "FREQ=WEEKLY", "2026-11-24", "2026-11-20", "2026-12-08",
     "2026-11-24 2026-12-01 2026-12-08"},
    {"fortnight, RFC 5545's weeks", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU", "1997-08-05",
     "1997-08-01", "1997-08-31", "1997-08-05 1997-08-10 1997-08-19 1997-08-24"},
    {"fortnight from a Sunday", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU", "2026-11-22", "2026-11-01",
     "2026-12-06", "2026-11-22 2026-11-30 2026-12-06"},
    {"before 1970", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "1969-12-15", "1969-12-15", "1970-01-20",
     "1969-12-15 1969-12-29 1970-01-12"},
    {"in a month", "FREQ=WEEKLY;BYDAY=MO;BYMONTH=12", NULL, "2026-11-25", "2026-12-14",
     "2026-12-07 2026-12-14"},
    {"Patch Tuesday", "FREQ=MONTHLY;BYDAY=2TU", NULL, "2026-09-01", "2026-12-31",
     "2026-09-08 2026-10-13 2026-11-10 2026-12-08"},
    {"last Friday", "FREQ=MONTHLY;BYDAY=-1FR", NULL, "2026-01-01", "2026-04-30",
     "2026-01-30 2026-02-27 2026-03-27 2026-04-24"},
    {"fifth Monday", "FREQ=MONTHLY;BYDAY=5MO", NULL, "2026-01-01", "2026-08-31",
     "2026-03-30 2026-06-29 2026-08-31"},
    {"first and last", "FREQ=MONTHLY;BYDAY=1MO,-1MO", NULL, "2026-02-01", "2026-03-31",
     "2026-02-02 2026-02-23 2026-03-02 2026-03-30"},
    {"numbered and every", "FREQ=MONTHLY;BYDAY=SU,1MO", NULL, "2026-11-01", "2026-11-15",
     "2026-11-01 2026-11-02 2026-11-08 2026-11-15"},
    {"the 31st", "FREQ=MONTHLY;BYMONTHDAY=31", NULL, "2026-01-01", "2026-06-30",
     "2026-01-31 2026-03-31 2026-05-31"},
    {"the last", "FREQ=MONTHLY;BYMONTHDAY=-1", NULL, "2028-01-01", "2028-04-30",
     "2028-01-31 2028-02-29 2028-03-31 2028-04-30"},
    {"-31st", "FREQ=MONTHLY;BYMONTHDAY=-31", NULL, "2026-01-01", "2026-05-31",
     "2026-01-01 2026-03-01 2026-05-01"},
    {"Friday the 13th", "FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR", NULL, "2026-01-01", "2026-12-31",
     "2026-02-13 2026-03-13 2026-11-13"},
    {"day of the anchor", "FREQ=MONTHLY", "2026-01-31", "2026-01-01", "2026-05-31",
     "2026-01-31 2026-03-31 2026-05-31"},
    {"quarters", "FREQ=MONTHLY;INTERVAL=3;BYDAY=1SA", "2026-02-01", "2026-01-01", "2026-12-31",
     "2026-02-07 2026-05-02 2026-08-01 2026-11-07"},
    {"anchor late in its month", "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=5", "2026-01-10", "2026-01-01",
     "2026-05-31", "2026-03-05 2026-05-05"},
    {"anchor that does not fit", "FREQ=MONTHLY;BYMONTHDAY=5", "2026-01-06", "2026-01-01",
     "2026-02-28", "2026-02-05"},
    {"interval without anchor", "FREQ=DAILY;INTERVAL=2", NULL, "2026-01-01", "2026-01-05", ""},
    {"weekly without a day", "FREQ=WEEKLY", NULL, "2026-01-01", "2026-01-31", ""},
    {"monthly without a day", "FREQ=MONTHLY;BYMONTH=1", NULL, "2026-01-01", "2026-01-31", ""},
};

static struct date day_of(const char *text)
{
        struct date day = {0};

        if (text)
                assert_int_equal(date_from_text(text, &day), 0);
        return day;
}

static void test_days(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(day_cases); i++) {
                CLEANUP(freep) char *got = NULL;
                CLEANUP(str_done) struct str days = {0};
                struct date anchor = day_of(day_cases[i].anchor);
                int64_t last = date_to_days(day_of(day_cases[i].to));
                struct rrule rule;

                assert_int_equal(rrule_parse(day_cases[i].text, &rule, NULL), 0);
                for (int64_t n = date_to_days(day_of(day_cases[i].from)); n <= last; n++) {
                        struct date day = date_from_days(n);

                        if (rrule_matches(&rule, anchor, day))
                                str_appendf(&days, "%s%04d-%02d-%02d", days.length > 0 ? " " : "",
                                            day.year, day.month, day.day);
                }
                assert_int_equal(str_take(&days, &got), 0);
                if (strcmp(got, day_cases[i].want) != 0)
                        fail_msg("%s: %s", day_cases[i].label, got);
        }
}

static const struct {
        const char *text, *want; /* part of the reason; NULL: none */
} anchor_cases[] = {
    {"FREQ=DAILY", NULL},
    {"FREQ=WEEKLY;BYDAY=MO", NULL},
    {"FREQ=MONTHLY;BYDAY=2TU", NULL},
    {"FREQ=MONTHLY;BYMONTHDAY=-1", NULL},
    {"FREQ=DAILY;INTERVAL=2", "INTERVAL counts"},
    {"FREQ=WEEKLY", "takes its weekday"},
    {"FREQ=MONTHLY", "takes its day"},
    {"FREQ=MONTHLY;BYMONTH=3", "takes its day"},
};

static void test_anchor_reason(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(anchor_cases); i++) {
                struct rrule rule;
                const char *reason;

                assert_int_equal(rrule_parse(anchor_cases[i].text, &rule, NULL), 0);
                reason = rrule_anchor_reason(&rule);
                if (!anchor_cases[i].want != !reason ||
                    (reason && !strstr(reason, anchor_cases[i].want)))
                        fail_msg("%s: %s", anchor_cases[i].text, reason);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_parse),
            cmocka_unit_test(test_long_text),
            cmocka_unit_test(test_days),
            cmocka_unit_test(test_anchor_reason),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
