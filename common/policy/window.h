/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * When work may be done: a recurrence rule, a local start time in a time zone, a duration and
 * exceptions. Pure arithmetic over `now`. Who reads windows from a policy fills struct window with
 * rrule_parse() and zone_parse() and then asks window_validate().
 */

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/timetext.h"
#include "policy/rrule.h"
#include "policy/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        WINDOW_START_MINUTES_MAX = 24 * 60 - 1,
        WINDOW_DURATION_MINUTES_MIN = 15,
        WINDOW_DURATION_MINUTES_MAX = 24 * 60,
        WINDOW_OFFSET_DAYS_MAX = 31, /* either way */
        WINDOW_EXCEPTIONS_MAX = 366,
        /* How far ahead an opening is looked for. A Tuesday 29 February comes once in 28 years, or
         * once in 40 around a century that has no leap day. */
        WINDOW_HORIZON_DAYS = 41 * 366,
};

/* No opening starts from `from` to `to`, both included: local dates of the start, offset_days
 * already added. */
struct window_exception {
        struct date from, to;
};

/* Owns everything it points to. */
struct window {
        char *name;
        char *rrule_text;
        struct rrule rrule;
        int start_minutes; /* local, since midnight: 0..WINDOW_START_MINUTES_MAX */
        char *timezone;    /* IANA name */
        struct zone *zone;
        int64_t duration_minutes; /* elapsed time, whatever clocks do meanwhile */
        int64_t cutoff_minutes;   /* before the end; less than duration_minutes */
        int64_t offset_days;      /* from the day that the rule picks to the start */
        struct date anchor;       /* see rrule_matches(); year 0: none */
        struct window_exception *exceptions;
        size_t n_exceptions;
};

void window_done(struct window *window);

/* Checks ranges and what fields mean together, in a window whose rrule and zone are parsed. Returns
 * -EINVAL and says "windows.<name>.<field>: ...". */
int window_validate(const struct window *window, struct diag *diag) MUST_CHECK;

/* Open from opens_at until before closes_at; no new step from cutoff_at on. */
struct opening {
        time_t opens_at, closes_at, cutoff_at;
};

/* The opening that is open at now (of several, the one that closes last), else the next one. False,
 * with ret untouched, when none starts within WINDOW_HORIZON_DAYS of now, or now is not in
 * 1970..9999.
 */
bool window_next(const struct window *window, time_t now, struct opening *ret);

bool window_is_open(const struct opening *opening, time_t now);

/* Up to n openings: first the one that window_next() gives, then the later ones in order. Gives how
 * many there are; 0 where window_next() gives false. */
size_t window_openings(const struct window *window, time_t now, struct opening *ret, size_t n);

/* "2026-11-28 01:00 +01:00": wall clock and offset of the window's zone; the caller frees. NULL:
 * out of memory. */
char *window_local_text(const struct window *window, time_t time);
