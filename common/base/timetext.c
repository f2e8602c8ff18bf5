/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timetext.h"

#include <stdio.h>
#include <string.h>

static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* Years are counted from March, so that the leap day is the last of its year. */
int64_t date_to_days(struct date date)
{
        int64_t year = date.year - (date.month <= 2);
        int64_t era = (year >= 0 ? year : year - 399) / 400;
        int64_t year_of_era = year - era * 400;
        int64_t day_of_year =
            (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
        int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

        return era * 146097 + day_of_era - 719468;
}

struct date date_from_days(int64_t days)
{
        int64_t shifted = days + 719468;
        int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
        int64_t day_of_era = shifted - era * 146097;
        int64_t year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
        int64_t day_of_year =
            day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        int64_t month_from_march = (5 * day_of_year + 2) / 153;
        int month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);

        return (struct date){
            .year = (int)(year_of_era + era * 400 + (month <= 2)),
            .month = month,
            .day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
        };
}

int date_days_in_month(int year, int month)
{
        static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return month == 2 && leap ? 29 : days[month - 1];
}

bool date_is_valid(struct date date)
{
        return date.year >= 1 && date.year <= 9999 && date.month >= 1 && date.month <= 12 &&
               date.day >= 1 && date.day <= date_days_in_month(date.year, date.month);
}

int date_weekday(struct date date)
{
        int64_t days = date_to_days(date) + 3; /* 1970-01-01 was a Thursday */

        return (int)(days % 7 + (days % 7 < 0 ? 7 : 0));
}

/* Reads exactly n digits and moves on; -1 when they are not there. */
static int take_digits(const char **at, int n)
{
        int value = 0;

        for (int i = 0; i < n; i++, (*at)++) {
                if (**at < '0' || **at > '9')
                        return -1;
                value = value * 10 + (**at - '0');
        }
        return value;
}

static bool take_char(const char **at, const char *one_of)
{
        if (**at == '\0' || !strchr(one_of, **at))
                return false;
        (*at)++;
        return true;
}

static int take_date(const char **at, struct date *ret)
{
        struct date date;

        date.year = take_digits(at, 4);
        if (date.year < 0 || !take_char(at, "-"))
                return -EINVAL;
        date.month = take_digits(at, 2);
        if (date.month < 0 || !take_char(at, "-"))
                return -EINVAL;
        date.day = take_digits(at, 2);
        if (date.day < 0 || !date_is_valid(date))
                return -EINVAL;
        *ret = date;
        return 0;
}

/* "01:02:03" as seconds of the day; a leap second counts as the second before it. */
static int take_clock(const char **at, int *ret)
{
        int hours, minutes, seconds;

        hours = take_digits(at, 2);
        if (hours < 0 || hours > 23 || !take_char(at, ":"))
                return -EINVAL;
        minutes = take_digits(at, 2);
        if (minutes < 0 || minutes > 59 || !take_char(at, ":"))
                return -EINVAL;
        seconds = take_digits(at, 2);
        if (seconds < 0 || seconds > 60)
                return -EINVAL;
        *ret = hours * SECONDS_PER_HOUR + minutes * SECONDS_PER_MINUTE +
               (seconds == 60 ? 59 : seconds);
        return 0;
}

/* "+01:00" (or "+0100" without a colon) in seconds east of Greenwich. */
static int take_offset(const char **at, bool colon, int *ret)
{
        int sign = **at == '-' ? -1 : 1, hours, minutes;

        if (!take_char(at, "+-"))
                return -EINVAL;
        hours = take_digits(at, 2);
        if (hours < 0 || hours > 23 || (colon && !take_char(at, ":")))
                return -EINVAL;
        minutes = take_digits(at, 2);
        if (minutes < 0 || minutes > 59)
                return -EINVAL;
        *ret = sign * (hours * SECONDS_PER_HOUR + minutes * SECONDS_PER_MINUTE);
        return 0;
}

int date_from_text(const char *text, struct date *ret)
{
        struct date date;

        if (take_date(&text, &date) < 0 || *text != '\0')
                return -EINVAL;
        *ret = date;
        return 0;
}

int time_from_rfc3339(const char *text, time_t *ret)
{
        struct date date;
        int clock, offset = 0;

        if (take_date(&text, &date) < 0 || !take_char(&text, "Tt ") ||
            take_clock(&text, &clock) < 0)
                return -EINVAL;
        if (take_char(&text, ".")) {
                if (take_digits(&text, 1) < 0)
                        return -EINVAL;
                while (take_digits(&text, 1) >= 0)
                        ;
        }
        if (!take_char(&text, "Zz") && take_offset(&text, true, &offset) < 0)
                return -EINVAL;
        if (*text != '\0')
                return -EINVAL;
        *ret = (time_t)(date_to_days(date) * SECONDS_PER_DAY + clock - offset);
        return 0;
}

const char *time_to_rfc3339(time_t time, char buffer[static TIME_TEXT_SIZE])
{
        int64_t days = time / SECONDS_PER_DAY - (time % SECONDS_PER_DAY < 0);
        int seconds = (int)(time - days * SECONDS_PER_DAY);
        struct date date = date_from_days(days);

        if (time == 0 || !date_is_valid(date))
                return memcpy(buffer, "unknown", sizeof("unknown"));
        (void)snprintf(buffer, TIME_TEXT_SIZE, "%04u-%02u-%02uT%02u:%02u:%02uZ",
                       (unsigned)date.year % 10000, (unsigned)date.month % 100,
                       (unsigned)date.day % 100, (unsigned)seconds / SECONDS_PER_HOUR % 100,
                       (unsigned)seconds / SECONDS_PER_MINUTE % 60, (unsigned)seconds % 60);
        return buffer;
}

static int take_month_name(const char **at)
{
        for (size_t i = 0; i < ELEMENTSOF(month_names); i++)
                if (strncmp(*at, month_names[i], 3) == 0) {
                        *at += 3;
                        return (int)i + 1;
                }
        return -1;
}

int time_from_rfc5322(const char *text, time_t *ret)
{
        const char *at = strchr(text, ',');
        struct date date;
        int clock, offset = 0;

        at = at ? at + 1 : text;
        at += strspn(at, " ");
        date.day = at[0] && at[1] == ' ' ? take_digits(&at, 1) : take_digits(&at, 2);
        if (date.day < 0 || !take_char(&at, " "))
                return -EINVAL;
        date.month = take_month_name(&at);
        if (date.month < 0 || !take_char(&at, " "))
                return -EINVAL;
        date.year = take_digits(&at, 4);
        if (date.year < 0 || !date_is_valid(date) || !take_char(&at, " ") ||
            take_clock(&at, &clock) < 0 || !take_char(&at, " "))
                return -EINVAL;
        if (strcmp(at, "UTC") != 0 && strcmp(at, "GMT") != 0 && strcmp(at, "Z") != 0 &&
            (take_offset(&at, false, &offset) < 0 || *at != '\0'))
                return -EINVAL;
        *ret = (time_t)(date_to_days(date) * SECONDS_PER_DAY + clock - offset);
        return 0;
}

int time_from_text(const char *text, time_t *ret)
{
        struct date date;

        if (date_from_text(text, &date) < 0)
                return time_from_rfc3339(text, ret);
        *ret = (time_t)(date_to_days(date) * SECONDS_PER_DAY);
        return 0;
}
