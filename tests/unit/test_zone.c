/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "policy/zone.h"
#include "system_zone.h"

static int load_rule_zone(const char *rule, struct zone **ret, struct diag *diag)
{
        char bytes[1024];

        return zone_parse(bytes, put_rule_zone(bytes, rule), ret, diag);
}

/* "2026-03-29T02:30:00Z" as the seconds that a local clock shows. */
static time_t seconds(const char *text)
{
        time_t time = 0;

        assert_int_equal(time_from_rfc3339(text, &time), 0);
        return time;
}

/* Years that are over: what zones will do is up to governments. */
static const struct {
        const char *label, *zone, *local, *want;
} local_cases[] = {
    {"UTC", "UTC", "2026-11-22T01:00:00Z", "2026-11-22T01:00:00Z"},
    {"winter", "Europe/Berlin", "2024-01-10T01:00:00Z", "2024-01-10T00:00:00Z"},
    {"summer", "Europe/Berlin", "2024-07-10T01:00:00Z", "2024-07-09T23:00:00Z"},
    {"before the gap", "Europe/Berlin", "2024-03-31T01:59:59Z", "2024-03-31T00:59:59Z"},
    {"gap starts", "Europe/Berlin", "2024-03-31T02:00:00Z", "2024-03-31T01:00:00Z"},
    {"in the gap", "Europe/Berlin", "2024-03-31T02:30:00Z", "2024-03-31T01:30:00Z"},
    {"gap ends", "Europe/Berlin", "2024-03-31T03:00:00Z", "2024-03-31T01:00:00Z"},
    {"before ambiguous", "Europe/Berlin", "2024-10-27T01:59:59Z", "2024-10-26T23:59:59Z"},
    {"ambiguous", "Europe/Berlin", "2024-10-27T02:30:00Z", "2024-10-27T00:30:00Z"},
    {"ambiguous ends", "Europe/Berlin", "2024-10-27T02:59:59Z", "2024-10-27T00:59:59Z"},
    {"after ambiguous", "Europe/Berlin", "2024-10-27T03:00:00Z", "2024-10-27T02:00:00Z"},
    {"RFC 5545's gap", "America/New_York", "2007-03-11T02:30:00Z", "2007-03-11T07:30:00Z"},
    {"RFC 5545's ambiguous", "America/New_York", "2007-11-04T01:30:00Z", "2007-11-04T05:30:00Z"},
    {"gap of half an hour", "Australia/Lord_Howe", "2024-10-06T02:15:00Z", "2024-10-05T15:45:00Z"},
    {"behind that gap", "Australia/Lord_Howe", "2024-10-06T02:30:00Z", "2024-10-05T15:30:00Z"},
    {"twice half an hour", "Australia/Lord_Howe", "2024-04-07T01:45:00Z", "2024-04-06T14:45:00Z"},
    {"behind that", "Australia/Lord_Howe", "2024-04-07T02:00:00Z", "2024-04-06T15:30:00Z"},
    {"quarter hours", "Asia/Kathmandu", "2024-06-01T05:45:00Z", "2024-06-01T00:00:00Z"},
    {"a zone that changed in 1986", "Asia/Kathmandu", "1986-01-01T00:05:00Z",
     "1985-12-31T18:35:00Z"},
    {"no more DST", "America/Sao_Paulo", "2024-11-03T00:30:00Z", "2024-11-03T03:30:00Z"},
    {"gap at midnight", "America/Sao_Paulo", "2018-11-04T00:00:00Z", "2018-11-04T03:00:00Z"},
    {"midnight twice", "America/Sao_Paulo", "2018-02-17T23:30:00Z", "2018-02-18T01:30:00Z"},
    {"Ramadan starts", "Africa/Casablanca", "2024-03-10T02:30:00Z", "2024-03-10T01:30:00Z"},
    {"Ramadan", "Africa/Casablanca", "2024-03-20T12:00:00Z", "2024-03-20T12:00:00Z"},
    {"Ramadan ends", "Africa/Casablanca", "2024-04-14T02:30:00Z", "2024-04-14T02:30:00Z"},
    {"negative DST, gap", "Europe/Dublin", "2024-03-31T01:30:00Z", "2024-03-31T01:30:00Z"},
    {"negative DST, ambiguous", "Europe/Dublin", "2024-10-27T01:30:00Z", "2024-10-27T00:30:00Z"},
    {"the day before a skipped day", "Pacific/Apia", "2011-12-29T23:59:59Z",
     "2011-12-30T09:59:59Z"},
    {"a skipped day", "Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T22:00:00Z"},
    {"the day after it", "Pacific/Apia", "2011-12-31T12:00:00Z", "2011-12-30T22:00:00Z"},
};

static void test_local(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(local_cases); i++) {
                CLEANUP(zone_freep) struct zone *zone = NULL;
                struct diag diag = {0};
                char got[TIME_TEXT_SIZE];

                if (load_system_zone(local_cases[i].zone, &zone, &diag) < 0)
                        fail_msg("%s: %s: %s", local_cases[i].label, local_cases[i].zone,
                                 diag.text);
                time_to_rfc3339(zone_local_to_time(zone, seconds(local_cases[i].local)), got);
                if (strcmp(got, local_cases[i].want) != 0)
                        fail_msg("%s: %s, not %s", local_cases[i].label, got, local_cases[i].want);
        }
}

static const struct {
        const char *label, *rule, *time;
        int32_t offset_sec;
        const char *abbreviation;
} rule_cases[] = {
    {"west is positive", "EST5", "2040-06-01T00:00:00Z", -18000, "EST"},
    {"quoted", "<+0545>-5:45", "2040-06-01T00:00:00Z", 20700, "+0545"},
    {"seconds", "LMT-0:53:28", "2040-06-01T00:00:00Z", 3208, "LMT"},
    {"M before", "CET-1CEST,M3.5.0,M10.5.0/3", "2060-03-28T00:59:59Z", 3600, "CET"},
    {"M at", "CET-1CEST,M3.5.0,M10.5.0/3", "2060-03-28T01:00:00Z", 7200, "CEST"},
    {"M ends", "CET-1CEST,M3.5.0,M10.5.0/3", "2060-10-31T01:00:00Z", 3600, "CET"},
    {"week 1", "EST5EDT,M3.2.0,M11.1.0", "2060-11-07T05:59:59Z", -14400, "EDT"},
    {"week 1 ends", "EST5EDT,M3.2.0,M11.1.0", "2060-11-07T06:00:00Z", -18000, "EST"},
    {"week 2", "EST5EDT,M3.2.0,M11.1.0", "2060-03-14T07:00:00Z", -14400, "EDT"},
    {"south, new year", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2060-01-01T00:00:00Z", 39600,
     "+11"},
    {"south, winter", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2060-07-01T00:00:00Z", 37800,
     "+1030"},
    {"south, old year", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2060-12-31T00:00:00Z", 39600,
     "+11"},
    {"negative DST", "IST-1GMT0,M10.5.0,M3.5.0/1", "2060-07-01T00:00:00Z", 3600, "IST"},
    {"negative DST, winter", "IST-1GMT0,M10.5.0,M3.5.0/1", "2060-01-01T00:00:00Z", 0, "GMT"},
    {"time before midnight", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2060-03-28T01:00:00Z", -3600,
     "-01"},
    {"and before that", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2060-03-28T00:59:59Z", -7200, "-02"},
    {"hour 50", "EET-2EEST,M3.4.4/50,M10.4.4/50", "2060-03-27T00:00:00Z", 10800, "EEST"},
    {"before hour 50", "EET-2EEST,M3.4.4/50,M10.4.4/50", "2060-03-26T23:59:59Z", 7200, "EET"},
    {"J60 is 1 March", "XXX0YYY,J60/0,J300/0", "2060-03-01T00:00:00Z", 3600, "YYY"},
    {"not 29 February", "XXX0YYY,J60/0,J300/0", "2060-02-29T23:59:59Z", 0, "XXX"},
    {"J59 is 28 February", "XXX0YYY,J59/0,J300/0", "2060-02-28T00:00:00Z", 3600, "YYY"},
    {"n 59 is 29 February", "XXX0YYY,59/0,300/0", "2060-02-29T00:00:00Z", 3600, "YYY"},
    {"n 59 is 1 March", "XXX0YYY,59/0,300/0", "2061-02-28T23:59:59Z", 0, "XXX"},
    {"all year, new year", "EST5EDT,0/0,J365/25", "2060-01-01T05:00:00Z", -14400, "EDT"},
    {"all year, just before", "EST5EDT,0/0,J365/25", "2060-01-01T04:59:59Z", -14400, "EDT"},
    {"all year, leap day", "EST5EDT,0/0,J365/25", "2060-12-31T23:59:59Z", -14400, "EDT"},
    {"moved into another year", "XXX0YYY,J1/-167,J360/167", "2059-12-25T01:00:00Z", 3600, "YYY"},
    {"not yet", "XXX0YYY,J1/-167,J300/0", "2059-12-25T00:59:59Z", 0, "XXX"},
    {"year 9999", "CET-1CEST,M3.5.0,M10.5.0/3", "9999-07-01T00:00:00Z", 7200, "CEST"},
    {"year 1", "CET-1CEST,M3.5.0,M10.5.0/3", "0001-01-01T00:00:00Z", 3600, "CET"},
    {"no rule at all", "", "2060-01-01T00:00:00Z", 0, "UTC"},
};

static void test_rule(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(rule_cases); i++) {
                CLEANUP(zone_freep) struct zone *zone = NULL;
                struct diag diag = {0};
                time_t time = seconds(rule_cases[i].time);

                if (load_rule_zone(rule_cases[i].rule, &zone, &diag) < 0)
                        fail_msg("%s: %s", rule_cases[i].label, diag.text);
                if (zone_offset_at(zone, time) != rule_cases[i].offset_sec ||
                    strcmp(zone_abbreviation_at(zone, time), rule_cases[i].abbreviation) != 0)
                        fail_msg("%s: %d %s", rule_cases[i].label, zone_offset_at(zone, time),
                                 zone_abbreviation_at(zone, time));
        }
}

static void test_bad_rule(void **state)
{
        static const char *const rules[] = {
            "CE-1",
            "CET",
            "CET-25",
            "CET-1CEST",
            "CET-1CEST,M3",
            "<+1>-1",
            "<+01-1",
            "CET-1CEST,M3.5.0",
            "CET-1:60",
            "CET-1 ",
            "CET-1CEST,M13.1.0,M1.1.0",
            "CET-1CEST,M3.0.0,M10.5.0",
            "CET-1CEST,M3.6.0,M10.5.0",
            "CET-1CEST,M3.5.7,M10.5.0",
            "CET-1CEST,J0,J1",
            "CET-1CEST,366,1",
            "CET-1CEST,J366,J1",
            "CET-1CEST,1/168,2",
            "CET-1CEST,1,2,3",
            "CET-1CEST,1/-168,2",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJ0",
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(rules); i++) {
                CLEANUP(zone_freep) struct zone *zone = NULL;
                struct diag diag = {0};

                if (load_rule_zone(rules[i], &zone, &diag) != -EINVAL ||
                    !strstr(diag.text, "is not a POSIX time zone"))
                        fail_msg("%s: '%s'", rules[i], diag.text);
        }
}

/* One byte of a good file is replaced, then it is cut. */
static const struct {
        const char *label;
        size_t at;
        char byte;
        const char *want;
} damage_cases[] = {
    {"magic", 0, 'X', "no TZif header"},
    {"second magic", 54, 'X', "no TZif header"},
    {"version", 4, '1', "unknown version"},
    {"negative count", 54 + 20, '\xff', "larger than the file"},
    {"huge count", 54 + 33, '\x7f', "larger than the file"},
    {"leap seconds", 54 + 31, 1, "counts leap seconds"},
    {"more transitions than bytes", 54 + 35, 100, "ends too early"},
    {"too many transitions", 54 + 33, 1, "too many transitions"},
    {"no types", 54 + 39, 0, "local time types"},
    {"too many types", 54 + 38, 2, "local time types"},
    {"no abbreviations", 54 + 43, 0, "abbreviations"},
    {"too many abbreviations", 54 + 42, 1, "abbreviations"},
    {"offset", 54 + 44, '\x7f', "26 hours"},
    {"abbreviation", 54 + 49, 4, "outside of its table"},
    {"footer", 54 + 54, 'x', "last line is missing"},
    {"NUL in the footer", 54 + 55, 0, "not a short text"},
};

static void test_damage(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(damage_cases); i++) {
                CLEANUP(zone_freep) struct zone *zone = NULL;
                struct diag diag = {0};
                char bytes[256];
                size_t size = put_rule_zone(bytes, "CET-1");

                bytes[damage_cases[i].at] = damage_cases[i].byte;
                if (zone_parse(bytes, size, &zone, &diag) != -EINVAL ||
                    !strstr(diag.text, damage_cases[i].want))
                        fail_msg("%s: '%s'", damage_cases[i].label, diag.text);
        }
}

static void test_cut(void **state)
{
        static char bytes[ZONE_SIZE_MAX];
        size_t size = read_system_zone("Europe/Berlin", bytes, sizeof(bytes));

        (void)state;
        assert_true(size > 100);
        for (size_t n = 0; n < size; n++) {
                CLEANUP(freep) char *copy = malloc(n + 1);
                struct zone *zone = NULL;

                assert_non_null(copy);
                memcpy(copy, bytes, n);
                if (zone_parse(copy, n, &zone, NULL) != -EINVAL)
                        fail_msg("cut at byte %zu", n);
        }
}

static void test_size(void **state)
{
        static char bytes[ZONE_SIZE_MAX + 1];
        struct zone *zone = NULL;

        (void)state;
        assert_int_equal(zone_parse(bytes, sizeof(bytes), &zone, NULL), -EFBIG);
        assert_int_equal(zone_parse(NULL, 0, &zone, NULL), -EINVAL);
        assert_null(zone);
}

/* Version 1: times of 32 bits and no rule; the last transition holds for ever. */
static void test_version_1(void **state)
{
        static const char tail[] = "\x00\x00\x03\xe8\x00\x00\x07\xd0\x01\x00" /* 1000, 2000 */
                                   "\x00\x00\x00\x00\x00\x00"                 /* A */
                                   "\x00\x00\x0e\x10\x01\x02"                 /* B */
                                   "A\0B";                                    /* and a NUL */
        CLEANUP(zone_freep) struct zone *zone = NULL;
        char bytes[ZONE_HEADER_SIZE + sizeof(tail)];

        (void)state;
        put_zone_header(bytes, 2, 4);
        bytes[4] = 0;
        bytes[35] = 2;
        memcpy(bytes + ZONE_HEADER_SIZE, tail, sizeof(tail));
        assert_int_equal(zone_parse(bytes, sizeof(bytes), &zone, NULL), 0);
        assert_string_equal(zone_abbreviation_at(zone, 999), "A");
        assert_string_equal(zone_abbreviation_at(zone, 1000), "B");
        assert_string_equal(zone_abbreviation_at(zone, 1999), "B");
        assert_string_equal(zone_abbreviation_at(zone, 2000), "A");
        assert_int_equal(zone_local_to_time(zone, 999), 999);
        assert_int_equal(zone_local_to_time(zone, 2000), 2000); /* skipped: 1000..4599 */
        assert_int_equal(zone_local_to_time(zone, 4600), 1000);
        bytes[ZONE_HEADER_SIZE + 6] = 0;
        zone_freep(&zone);
        zone = NULL;
        assert_int_equal(zone_parse(bytes, sizeof(bytes), &zone, NULL), -EINVAL);
}

static void test_extreme_times(void **state)
{
        static const time_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX};
        CLEANUP(zone_freep) struct zone *zone = NULL;

        (void)state;
        assert_int_equal(load_rule_zone("CET-1CEST,M3.5.0,M10.5.0/3", &zone, NULL), 0);
        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                time_t time = zone_local_to_time(zone, times[i]);

                assert_in_range(zone_offset_at(zone, times[i]), 3600, 7200);
                assert_true(time > -62200000000 && time < 253500000000);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_local),     cmocka_unit_test(test_rule),
            cmocka_unit_test(test_bad_rule),  cmocka_unit_test(test_damage),
            cmocka_unit_test(test_cut),       cmocka_unit_test(test_size),
            cmocka_unit_test(test_version_1), cmocka_unit_test(test_extreme_times),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
