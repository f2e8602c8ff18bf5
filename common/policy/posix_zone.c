/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/posix_zone.h"

#include <string.h>

enum {
        OFFSET_HOURS_MAX = 24, /* POSIX; a rule's time has the wider range of RFC 9636 */
        RULE_HOURS_MAX = 167,
        YEARS_AROUND = 2, /* a rule's time can move its change by a week into another year */
        CHANGES_MAX = 2 * (2 * YEARS_AROUND + 1),
};

static bool take_char(const char **at, char c)
{
        if (**at != c)
                return false;
        (*at)++;
        return true;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Reads one to three digits. */
static bool take_number(const char **at, int min, int max, int *ret)
{
        int number = 0, n_digits = 0;

        for (; is_digit(**at) && n_digits < 3; (*at)++, n_digits++)
                number = number * 10 + (**at - '0');
        *ret = number;
        return n_digits > 0 && number >= min && number <= max;
}

/* "CET", or "<+0330>" with digits and signs in it. */
static bool take_name(const char **at, char ret[static POSIX_ZONE_NAME_SIZE])
{
        bool quoted = take_char(at, '<');
        size_t length = 0;

        while (
            is_letter((*at)[length]) ||
            (quoted && (is_digit((*at)[length]) || (*at)[length] == '+' || (*at)[length] == '-')))
                length++;
        if (length < 3 || length >= POSIX_ZONE_NAME_SIZE)
                return false;
        memcpy(ret, *at, length);
        ret[length] = '\0';
        *at += length;
        return !quoted || take_char(at, '>');
}

/* "[+-]hh[:mm[:ss]]" in seconds. */
static bool take_time(const char **at, int hours_max, int32_t *ret)
{
        int sign = **at == '-' ? -1 : 1, hours, minutes = 0, seconds = 0;

        if (**at == '-' || **at == '+')
                (*at)++;
        if (!take_number(at, 0, hours_max, &hours))
                return false;
        if (take_char(at, ':')) {
                if (!take_number(at, 0, 59, &minutes))
                        return false;
                if (take_char(at, ':') && !take_number(at, 0, 59, &seconds))
                        return false;
        }
        *ret = sign * (hours * SECONDS_PER_HOUR + minutes * SECONDS_PER_MINUTE + seconds);
        return true;
}

/* POSIX counts offsets west of Greenwich. */
static bool take_offset(const char **at, int32_t *ret)
{
        int32_t west;

        if (!take_time(at, OFFSET_HOURS_MAX, &west))
                return false;
        *ret = -west;
        return true;
}

static bool take_day(const char **at, struct posix_change *ret)
{
        if (take_char(at, 'M')) {
                ret->kind = POSIX_DAY_MONTHLY;
                return take_number(at, 1, 12, &ret->month) && take_char(at, '.') &&
                       take_number(at, 1, 5, &ret->week) && take_char(at, '.') &&
                       take_number(at, 0, 6, &ret->day);
        }
        if (take_char(at, 'J')) {
                ret->kind = POSIX_DAY_JULIAN;
                return take_number(at, 1, 365, &ret->day);
        }
        ret->kind = POSIX_DAY_OF_YEAR;
        return take_number(at, 0, 365, &ret->day);
}

static bool take_change(const char **at, struct posix_change *ret)
{
        *ret = (struct posix_change){.time_sec = 2 * SECONDS_PER_HOUR};
        return take_char(at, ',') && take_day(at, ret) &&
               (!take_char(at, '/') || take_time(at, RULE_HOURS_MAX, &ret->time_sec));
}

static bool take_dst(const char **at, struct posix_zone *zone)
{
        zone->has_dst = true;
        zone->dst_offset_sec = zone->offset_sec + SECONDS_PER_HOUR;
        return take_name(at, zone->dst_name) &&
               (**at == ',' || take_offset(at, &zone->dst_offset_sec)) &&
               take_change(at, &zone->dst_start) && take_change(at, &zone->dst_end);
}

int posix_zone_parse(const char *text, struct posix_zone *ret, struct diag *diag)
{
        struct posix_zone zone = {0};
        const char *at = text;

        if (!take_name(&at, zone.name) || !take_offset(&at, &zone.offset_sec) ||
            (*at != '\0' && !take_dst(&at, &zone)) || *at != '\0')
                return diag_fail(
                    diag, -EINVAL,
                    "'%s' is not a POSIX time zone with rules; the error is at byte %td", text,
                    at - text);
        *ret = zone;
        return 0;
}

/* Days since 1970-01-01. */
static int64_t change_day(const struct posix_change *change, int year)
{
        int64_t new_year = date_to_days((struct date){year, 1, 1});
        struct date first = {year, change->month, 1};
        int weekday, day;

        if (change->kind == POSIX_DAY_OF_YEAR)
                return new_year + change->day;
        if (change->kind == POSIX_DAY_JULIAN)
                return new_year + change->day - 1 +
                       (change->day >= 60 && date_days_in_month(year, 2) == 29);
        weekday = (change->day + 6) % 7; /* POSIX counts from Sunday */
        day = (weekday - date_weekday(first) + 7) % 7 + 7 * (change->week - 1);
        if (day >= date_days_in_month(year, change->month))
                day -= 7;
        return date_to_days(first) + day;
}

/* The changes of the years around, oldest first; each phase ends where the next starts. */
static size_t list_phases(const struct posix_zone *zone, int year, struct zone_phase *ret)
{
        size_t n = 0;

        for (int i = year - YEARS_AROUND; i <= year + YEARS_AROUND; i++) {
                ret[n++] = (struct zone_phase){
                    .start = change_day(&zone->dst_start, i) * SECONDS_PER_DAY +
                             zone->dst_start.time_sec - zone->offset_sec,
                    .offset_sec = zone->dst_offset_sec,
                    .abbreviation = zone->dst_name,
                };
                ret[n++] = (struct zone_phase){
                    .start = change_day(&zone->dst_end, i) * SECONDS_PER_DAY +
                             zone->dst_end.time_sec - zone->dst_offset_sec,
                    .offset_sec = zone->offset_sec,
                    .abbreviation = zone->name,
                };
        }
        return n;
}

/* Stable: where a year-long daylight saving time ends as the next begins, the later year stays
 * behind. Ten entries. */
static void sort_phases(struct zone_phase *phases, size_t n)
{
        for (size_t i = 1; i < n; i++)
                for (size_t k = i; k > 0 && phases[k].start < phases[k - 1].start; k--) {
                        struct zone_phase other = phases[k];

                        phases[k] = phases[k - 1];
                        phases[k - 1] = other;
                }
}

struct zone_phase posix_zone_phase_at(const struct posix_zone *zone, time_t time)
{
        struct zone_phase phases[CHANGES_MAX], phase = {
                                                   .start = INT64_MIN,
                                                   .end = INT64_MAX,
                                                   .offset_sec = zone->offset_sec,
                                                   .abbreviation = zone->name,
                                               };
        int64_t day = time / SECONDS_PER_DAY - (time % SECONDS_PER_DAY < 0);
        size_t n, i = 0;

        if (!zone->has_dst)
                return phase;
        n = list_phases(zone, date_from_days(day).year, phases);
        sort_phases(phases, n);
        while (i + 1 < n && phases[i + 1].start <= time)
                i++;
        phase = phases[i];
        phase.end = i + 1 < n ? phases[i + 1].start : INT64_MAX;
        return phase;
}
