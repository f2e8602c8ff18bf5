/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/rrule.h"

#include "base/enums.h"

#include <stdio.h>
#include <string.h>

/* The 14 kinds of year, leap or not by the weekday of 1 January, all occur in these 28 years. */
static const struct date every_kind_from = {2000, 1, 1}, every_kind_to = {2027, 12, 31};

static const char *const frequency_names[] = {
    [RRULE_DAILY] = "DAILY",
    [RRULE_WEEKLY] = "WEEKLY",
    [RRULE_MONTHLY] = "MONTHLY",
};
static const struct enum_table frequencies = ENUM_TABLE(frequency_names);

static const char *const weekday_names[] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};
static const struct enum_table weekdays = ENUM_TABLE(weekday_names);

/* One value of a part, of a list that commas divide. */
struct value {
        const char *part, *text;
};

/* Reads [+-]digits, at most two or three of them, and gives where they end. False when no digit. */
static bool take_number(const char **at, int *ret)
{
        int sign = **at == '-' ? -1 : 1, number = 0, n_digits = 0;

        if (**at == '-' || **at == '+')
                (*at)++;
        for (; **at >= '0' && **at <= '9' && n_digits < 4; (*at)++, n_digits++)
                number = number * 10 + (**at - '0');
        *ret = sign * number;
        return n_digits > 0;
}

static int fail_value(struct diag *diag, const struct value *value, const char *expected)
{
        return diag_fail(diag, -EINVAL, "%s: '%s' is not %s", value->part, value->text, expected);
}

static int read_frequency(const struct value *value, struct rrule *rule, struct diag *diag)
{
        int frequency = enum_from_name(&frequencies, value->text);

        if (frequency < 0)
                return fail_value(diag, value, "one of DAILY, WEEKLY, MONTHLY");
        rule->frequency = (enum rrule_frequency)frequency;
        return 0;
}

static int read_interval(const struct value *value, struct rrule *rule, struct diag *diag)
{
        const char *at = value->text;

        if (*at == '+' || !take_number(&at, &rule->interval) || *at != '\0' || rule->interval < 1 ||
            rule->interval > RRULE_INTERVAL_MAX)
                return fail_value(diag, value, "a number in 1..366");
        return 0;
}

static int read_weekday(const struct value *value, struct rrule *rule, struct diag *diag)
{
        static const char expected[] = "a weekday (MO TU WE TH FR SA SU), nor one with 1..5 or "
                                       "-1..-5 before it (2TU, -1FR)";
        const char *at = value->text;
        int nth = 0, weekday;
        bool has_nth = take_number(&at, &nth);

        weekday = enum_from_name(&weekdays, at);
        if (weekday < 0 || nth > RRULE_NTH_MAX || nth < -RRULE_NTH_MAX || (has_nth && nth == 0) ||
            (!has_nth && at != value->text))
                return fail_value(diag, value, expected);
        if (nth == 0)
                rule->weekdays |= (uint8_t)(1U << weekday);
        else if (nth > 0)
                rule->nth_weekdays[nth - 1] |= (uint8_t)(1U << weekday);
        else
                rule->nth_last_weekdays[-nth - 1] |= (uint8_t)(1U << weekday);
        return 0;
}

static int read_month_day(const struct value *value, struct rrule *rule, struct diag *diag)
{
        const char *at = value->text;
        int day = 0;

        if (!take_number(&at, &day) || *at != '\0' || day == 0 || day > 31 || day < -31)
                return fail_value(diag, value, "a day in 1..31 or -31..-1");
        if (day > 0)
                rule->month_days |= 1U << day;
        else
                rule->last_month_days |= 1U << -day;
        return 0;
}

static int read_month(const struct value *value, struct rrule *rule, struct diag *diag)
{
        const char *at = value->text;
        int month = 0;

        if (*at == '+' || !take_number(&at, &month) || *at != '\0' || month < 1 || month > 12)
                return fail_value(diag, value, "a month in 1..12");
        rule->months |= 1U << month;
        return 0;
}

struct part {
        const char *name;
        int (*read)(const struct value *value, struct rrule *rule, struct diag *diag);
        bool is_list;
        const char *instead; /* for a part that is known and not supported */
};

static const struct part parts[] = {
    {"FREQ", read_frequency, false, NULL},
    {"INTERVAL", read_interval, false, NULL},
    {"BYDAY", read_weekday, true, NULL},
    {"BYMONTHDAY", read_month_day, true, NULL},
    {"BYMONTH", read_month, true, NULL},
    {"COUNT", NULL, false, "a window has no last opening; use 'except'"},
    {"UNTIL", NULL, false, "a window has no last opening; use 'except'"},
    {"BYSETPOS", NULL, false, "use BYDAY with a number, as in BYDAY=2TU"},
    {"BYHOUR", NULL, false, "use 'start'"},
    {"BYMINUTE", NULL, false, "use 'start'"},
    {"BYSECOND", NULL, false, "use 'start'"},
    {"BYYEARDAY", NULL, false, "use BYMONTH and BYMONTHDAY"},
    {"BYWEEKNO", NULL, false, "use FREQ=WEEKLY with INTERVAL"},
    {"WKST", NULL, false, "weeks start on Monday"},
};

static const struct part *find_part(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                if (strcmp(parts[i].name, name) == 0)
                        return &parts[i];
        return NULL;
}

static int read_values(const struct part *part, char *list, struct rrule *rule, struct diag *diag)
{
        char *rest = list;
        int r;

        do {
                struct value value = {.part = part->name};

                value.text = part->is_list ? strsep(&rest, ",") : rest;
                r = part->read(&value, rule, diag);
        } while (r == 0 && part->is_list && rest);
        return r;
}

/* seen has a bit for every entry of parts. */
static int read_part(char *text, uint32_t *seen, struct rrule *rule, struct diag *diag)
{
        char *value = strchr(text, '=');
        const struct part *part;
        uint32_t bit;

        if (!value)
                return diag_fail(diag, -EINVAL, "'%s' is not NAME=VALUE", text);
        *value++ = '\0';
        part = find_part(text);
        if (!part)
                return diag_fail(diag, -EINVAL,
                                 "unknown part '%s'; known are FREQ, INTERVAL, BYDAY, BYMONTHDAY, "
                                 "BYMONTH",
                                 text);
        if (!part->read)
                return diag_fail(diag, -EINVAL, "%s is not supported: %s", part->name,
                                 part->instead);
        bit = 1U << (part - parts);
        if (*seen & bit)
                return diag_fail(diag, -EINVAL, "%s stands twice", part->name);
        *seen |= bit;
        return read_values(part, value, rule, diag);
}

static bool has_nth_weekdays(const struct rrule *rule)
{
        for (int i = 0; i < RRULE_NTH_MAX; i++)
                if (rule->nth_weekdays[i] || rule->nth_last_weekdays[i])
                        return true;
        return false;
}

static bool has_weekdays(const struct rrule *rule)
{
        return rule->weekdays || has_nth_weekdays(rule);
}

static bool has_month_days(const struct rrule *rule)
{
        return rule->month_days || rule->last_month_days;
}

static bool weekday_fits(const struct rrule *rule, struct date day)
{
        int n_days = date_days_in_month(day.year, day.month);
        unsigned bit = 1U << date_weekday(day);

        return !has_weekdays(rule) || (rule->weekdays & bit) ||
               (rule->nth_weekdays[(day.day - 1) / 7] & bit) ||
               (rule->nth_last_weekdays[(n_days - day.day) / 7] & bit);
}

static bool month_day_fits(const struct rrule *rule, struct date day)
{
        int from_last = date_days_in_month(day.year, day.month) - day.day + 1;

        return !has_month_days(rule) || (rule->month_days & 1U << day.day) ||
               (rule->last_month_days & 1U << from_last);
}

/* What the BY parts say, without the anchor. */
static bool day_fits(const struct rrule *rule, struct date day)
{
        return (!rule->months || (rule->months & 1U << day.month)) && month_day_fits(rule, day) &&
               weekday_fits(rule, day);
}

static bool ever_fits(const struct rrule *rule)
{
        int64_t last = date_to_days(every_kind_to);

        for (int64_t day = date_to_days(every_kind_from); day <= last; day++)
                if (day_fits(rule, date_from_days(day)))
                        return true;
        return false;
}

/* What only the whole rule can tell, as parts come in any order. */
static int check_rule(const struct rrule *rule, bool has_frequency, struct diag *diag)
{
        if (!has_frequency)
                return diag_fail(diag, -EINVAL,
                                 "FREQ is missing; it is one of DAILY, WEEKLY, MONTHLY");
        if (rule->frequency != RRULE_MONTHLY && has_nth_weekdays(rule))
                return diag_fail(diag, -EINVAL,
                                 "BYDAY with a number (as in 2TU) needs FREQ=MONTHLY");
        if (rule->frequency == RRULE_WEEKLY && has_month_days(rule))
                return diag_fail(diag, -EINVAL,
                                 "BYMONTHDAY can't stand with FREQ=WEEKLY; use DAILY or MONTHLY");
        if (!ever_fits(rule))
                return diag_fail(diag, -EINVAL,
                                 "never happens: no day of any year fits BYMONTH, BYMONTHDAY and "
                                 "BYDAY together");
        return 0;
}

int rrule_parse(const char *text, struct rrule *ret, struct diag *diag)
{
        char copy[RRULE_TEXT_MAX + 1], *rest = copy;
        struct rrule rule = {.interval = 1};
        uint32_t seen = 0;
        int r;

        if (strlen(text) > RRULE_TEXT_MAX)
                return diag_fail(diag, -EINVAL, "the rule is longer than %d bytes", RRULE_TEXT_MAX);
        (void)snprintf(copy, sizeof(copy), "%s", text);
        while (rest) {
                r = read_part(strsep(&rest, ";"), &seen, &rule, diag);
                if (r < 0)
                        return r;
        }
        r = check_rule(&rule, seen & 1U, diag);
        if (r < 0)
                return r;
        *ret = rule;
        return 0;
}

const char *rrule_anchor_reason(const struct rrule *rule)
{
        if (rule->interval > 1)
                return "INTERVAL counts from it";
        if (rule->frequency == RRULE_WEEKLY && !has_weekdays(rule))
                return "FREQ=WEEKLY without BYDAY takes its weekday from it";
        if (rule->frequency == RRULE_MONTHLY && !has_weekdays(rule) && !has_month_days(rule))
                return "FREQ=MONTHLY without BYDAY or BYMONTHDAY takes its day from it";
        return NULL;
}

/* The number of the day, week or month that INTERVAL counts. */
static int64_t period_of(const struct rrule *rule, struct date day)
{
        int64_t days = date_to_days(day);

        switch (rule->frequency) {
        case RRULE_WEEKLY:
                return (days - date_weekday(day) + 3) / 7; /* exact: 1969-12-29 was a Monday */
        case RRULE_MONTHLY:
                return (int64_t)day.year * 12 + day.month;
        case RRULE_DAILY:
                break;
        }
        return days;
}

/* What RFC 5545 takes from DTSTART where the rule has no part for it. */
static bool anchor_fits(const struct rrule *rule, struct date anchor, struct date day)
{
        if (date_to_days(day) < date_to_days(anchor) ||
            (period_of(rule, day) - period_of(rule, anchor)) % rule->interval != 0)
                return false;
        if (has_weekdays(rule) || has_month_days(rule))
                return true;
        if (rule->frequency == RRULE_WEEKLY)
                return date_weekday(day) == date_weekday(anchor);
        return rule->frequency == RRULE_DAILY || day.day == anchor.day;
}

bool rrule_matches(const struct rrule *rule, struct date anchor, struct date day)
{
        if (!day_fits(rule, day))
                return false;
        return anchor.year == 0 ? !rrule_anchor_reason(rule) : anchor_fits(rule, anchor, day);
}
