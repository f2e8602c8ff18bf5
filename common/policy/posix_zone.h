/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The rule for years beyond a zone file's table: a POSIX TZ string such as
 * "CET-1CEST,M3.5.0,M10.5.0/3" with the extensions of RFC 9636 section 3.3.1 (rule times from -167
 * to 167 hours). Only zone.c needs it.
 */

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/timetext.h"

#include <stdbool.h>
#include <stdint.h>

enum { POSIX_ZONE_NAME_SIZE = 32 };

/* One day of every year. */
enum posix_day {
        POSIX_DAY_JULIAN,  /* Jn: 1..365, 29 February is never counted */
        POSIX_DAY_OF_YEAR, /* n: 0..365, 29 February counts */
        POSIX_DAY_MONTHLY, /* Mm.w.d: weekday d (0 = Sunday) of week w (5 = last) of month m */
};

struct posix_change {
        enum posix_day kind;
        int day; /* of the year; with POSIX_DAY_MONTHLY of the week */
        int week, month;
        int32_t time_sec; /* on the clock before the change, from midnight, either way */
};

struct posix_zone {
        char name[POSIX_ZONE_NAME_SIZE], dst_name[POSIX_ZONE_NAME_SIZE];
        int32_t offset_sec, dst_offset_sec; /* east of Greenwich */
        bool has_dst;
        struct posix_change dst_start, dst_end;
};

/* A stretch of time [start, end) with one offset. */
struct zone_phase {
        time_t start, end;
        int32_t offset_sec;
        const char *abbreviation;
};

/* Parses a whole string. Returns -EINVAL; daylight saving without its two rules is one reason. */
int posix_zone_parse(const char *text, struct posix_zone *ret, struct diag *diag) MUST_CHECK;

/* The phase that holds time, which must be in years 1..9999. */
struct zone_phase posix_zone_phase_at(const struct posix_zone *zone, time_t time);
