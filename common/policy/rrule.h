/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The part of RFC 5545 recurrence rules that maintenance windows use: FREQ=DAILY, WEEKLY or MONTHLY
 * with INTERVAL, BYDAY, BYMONTHDAY and BYMONTH. A rule picks days; times of day and zones are the
 * window's. Weeks start on Monday.
 */

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/timetext.h"

#include <stdbool.h>
#include <stdint.h>

enum {
        RRULE_TEXT_MAX = 512,     /* bytes of a rule's text */
        RRULE_INTERVAL_MAX = 366, /* days, weeks or months */
        RRULE_NTH_MAX = 5,        /* weekdays of one name in a month */
};

enum rrule_frequency {
        RRULE_DAILY,
        RRULE_WEEKLY,
        RRULE_MONTHLY,
};

/* A value without owned memory. The part with no bit in any of its sets was not given. */
struct rrule {
        enum rrule_frequency frequency;
        int interval; /* 1..RRULE_INTERVAL_MAX */

        /* BYDAY: bit 0 = Monday .. bit 6 = Sunday; [0] = the first, or last, in the month. */
        uint8_t weekdays, nth_weekdays[RRULE_NTH_MAX], nth_last_weekdays[RRULE_NTH_MAX];

        /* BYMONTHDAY: bit 1 .. bit 31, from the first or from the last of the month. */
        uint32_t month_days, last_month_days;

        uint32_t months; /* BYMONTH: bit 1 .. bit 12 */
};

/*
 * Parses "FREQ=MONTHLY;BYDAY=2TU". Parts may come in any order, each once, in capitals.
 * Returns -EINVAL for anything else, for parts that RFC 5545 knows and windows don't, and for a
 * rule that no day of any year fits.
 */
int rrule_parse(const char *text, struct rrule *ret, struct diag *diag) MUST_CHECK;

/* Why the rule means nothing without an anchor (a clause for an error text), or NULL. */
const char *rrule_anchor_reason(const struct rrule *rule);

/*
 * Whether the rule picks day. anchor (year 0: none) is what RFC 5545 calls DTSTART: INTERVAL counts
 * from its day, week or month, what the rule leaves open is taken from it, and nothing before it
 * matches. A rule that has an anchor reason and gets no anchor matches nothing.
 */
bool rrule_matches(const struct rrule *rule, struct date anchor, struct date day);
