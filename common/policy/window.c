/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/window.h"

#include "base/str.h"

#include <inttypes.h>

/* Local days before the UTC day of now on which an opening that is still open can start: a day for
 * its duration, more than a day for a zone's offset. */
enum { DAYS_BACK = 3 };

#define NOW_MAX ((time_t)253402300799) /* the last second of the year 9999 */

/* From where a rule without an anchor is tried. */
static const struct date anchorless = {2000, 1, 1};

void window_done(struct window *window)
{
        free(window->name);
        free(window->rrule_text);
        free(window->timezone);
        free(window->exceptions);
        zone_free(window->zone);
        *window = (struct window){0};
}

static bool is_excepted(const struct window *window, int64_t start_day)
{
        for (size_t i = 0; i < window->n_exceptions; i++)
                if (start_day >= date_to_days(window->exceptions[i].from) &&
                    start_day <= date_to_days(window->exceptions[i].to))
                        return true;
        return false;
}

/* Whether the window opens on start_day, a local day since 1970-01-01. */
static bool opens_on(const struct window *window, int64_t start_day)
{
        struct date picked = date_from_days(start_day - window->offset_days);

        return rrule_matches(&window->rrule, window->anchor, picked) &&
               !is_excepted(window, start_day);
}

static struct opening opening_of(const struct window *window, int64_t start_day)
{
        int64_t start =
            start_day * SECONDS_PER_DAY + (int64_t)window->start_minutes * SECONDS_PER_MINUTE;
        time_t opens_at = zone_local_to_time(window->zone, start);
        time_t closes_at = opens_at + window->duration_minutes * SECONDS_PER_MINUTE;

        return (struct opening){
            .opens_at = opens_at,
            .closes_at = closes_at,
            .cutoff_at = closes_at - window->cutoff_minutes * SECONDS_PER_MINUTE,
        };
}

/* Moves *day on to the next one, up to last, on which the window opens. */
static bool find_start_day(const struct window *window, int64_t *day, int64_t last)
{
        while (*day <= last && !opens_on(window, *day))
                (*day)++;
        return *day <= last;
}

size_t window_openings(const struct window *window, time_t now, struct opening *ret, size_t n)
{
        int64_t day = now / SECONDS_PER_DAY - DAYS_BACK;
        int64_t last = day + DAYS_BACK + WINDOW_HORIZON_DAYS;
        size_t n_found = 0;

        if (now < 0 || now > NOW_MAX || n == 0)
                return 0;
        for (; find_start_day(window, &day, last); day++) {
                struct opening opening = opening_of(window, day);

                if (opening.closes_at <= now)
                        continue;
                /* Of several that are open now only the one that closes last counts; starts that a
                 * skipped day moved onto each other are one. */
                if (n_found > 0 &&
                    (opening.opens_at <= now || opening.opens_at == ret[n_found - 1].opens_at))
                        n_found--;
                else if (n_found == n)
                        break;
                ret[n_found++] = opening;
        }
        return n_found;
}

bool window_next(const struct window *window, time_t now, struct opening *ret)
{
        return window_openings(window, now, ret, 1) == 1;
}

bool window_is_open(const struct opening *opening, time_t now)
{
        return now >= opening->opens_at && now < opening->closes_at;
}

static int check_ranges(const struct window *window, struct diag *diag)
{
        const struct {
                const char *field;
                int64_t value, min, max;
        } ranges[] = {
            {"start", window->start_minutes, 0, WINDOW_START_MINUTES_MAX},
            {"duration_minutes", window->duration_minutes, WINDOW_DURATION_MINUTES_MIN,
             WINDOW_DURATION_MINUTES_MAX},
            {"cutoff_minutes", window->cutoff_minutes, 0, WINDOW_DURATION_MINUTES_MAX},
            {"offset_days", window->offset_days, -WINDOW_OFFSET_DAYS_MAX, WINDOW_OFFSET_DAYS_MAX},
            {"except: the number of entries", (int64_t)window->n_exceptions, 0,
             WINDOW_EXCEPTIONS_MAX},
        };

        for (size_t i = 0; i < ELEMENTSOF(ranges); i++)
                if (ranges[i].value < ranges[i].min || ranges[i].value > ranges[i].max)
                        return diag_fail(diag, -EINVAL,
                                         "windows.%s.%s: %" PRId64 " is not in %" PRId64
                                         "..%" PRId64,
                                         window->name, ranges[i].field, ranges[i].value,
                                         ranges[i].min, ranges[i].max);
        if (window->cutoff_minutes >= window->duration_minutes)
                return diag_fail(diag, -EINVAL,
                                 "windows.%s.cutoff_minutes: %" PRId64
                                 " leaves no time; it must be less than duration_minutes, %" PRId64,
                                 window->name, window->cutoff_minutes, window->duration_minutes);
        return 0;
}

static int check_exceptions(const struct window *window, struct diag *diag)
{
        for (size_t i = 0; i < window->n_exceptions; i++) {
                const struct window_exception *exception = &window->exceptions[i];

                if (!date_is_valid(exception->from) || !date_is_valid(exception->to))
                        return diag_fail(diag, -EINVAL, "windows.%s.except[%zu]: not a date",
                                         window->name, i);
                if (date_to_days(exception->from) > date_to_days(exception->to))
                        return diag_fail(diag, -EINVAL,
                                         "windows.%s.except[%zu]: 'from' is after 'to'",
                                         window->name, i);
        }
        return 0;
}

static int check_anchor(const struct window *window, struct diag *diag)
{
        const char *reason = rrule_anchor_reason(&window->rrule);

        if (window->anchor.year != 0 && !date_is_valid(window->anchor))
                return diag_fail(diag, -EINVAL, "windows.%s.anchor: not a date", window->name);
        if (window->anchor.year == 0 && reason)
                return diag_fail(diag, -EINVAL, "windows.%s.anchor: is missing; %s", window->name,
                                 reason);
        return 0;
}

static int check_ever_opens(const struct window *window, struct diag *diag)
{
        bool has_anchor = window->anchor.year != 0;
        int64_t day = date_to_days(has_anchor ? window->anchor : anchorless) + window->offset_days;

        if (find_start_day(window, &day, day + WINDOW_HORIZON_DAYS))
                return 0;
        return diag_fail(
            diag, -EINVAL,
            "windows.%s: never opens: rrule, anchor and except leave no day in %d years",
            window->name, WINDOW_HORIZON_DAYS / 366);
}

int window_validate(const struct window *window, struct diag *diag)
{
        int r;

        r = check_ranges(window, diag);
        if (r < 0)
                return r;
        r = check_exceptions(window, diag);
        if (r < 0)
                return r;
        r = check_anchor(window, diag);
        if (r < 0)
                return r;
        return check_ever_opens(window, diag);
}

char *window_local_text(const struct window *window, time_t time)
{
        int32_t offset = zone_offset_at(window->zone, time);
        char text[TIME_TEXT_SIZE];

        (void)time_to_rfc3339(time + offset, text);
        return str_format("%.10s %.5s %c%02d:%02d", text, text + 11, offset < 0 ? '-' : '+',
                          abs(offset) / SECONDS_PER_HOUR, abs(offset) / SECONDS_PER_MINUTE % 60);
}
