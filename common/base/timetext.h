/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Times as text. A time is a time_t in seconds since the epoch, UTC; 0 means unknown everywhere in
 * this project. Pure: nothing here asks a clock or knows a local zone.
 */

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define TIME_TEXT_SIZE 21 /* "2026-11-22T01:00:00Z" and its terminator */

enum { SECONDS_PER_MINUTE = 60, SECONDS_PER_HOUR = 3600, SECONDS_PER_DAY = 86400 };

/* A day of the proleptic Gregorian calendar; month 1..12, day 1..31. */
struct date {
        int year, month, day;
};

/* Days since 1970-01-01, negative before. */
int64_t date_to_days(struct date date);
struct date date_from_days(int64_t days);
bool date_is_valid(struct date date); /* years 1..9999 and days that exist */
int date_weekday(struct date date);   /* 0 = Monday .. 6 = Sunday (ISO 8601) */
int date_days_in_month(int year, int month);

/* "YYYY-MM-DD", nothing before or after. Returns -EINVAL. */
int date_from_text(const char *text, struct date *ret) MUST_CHECK;

/* RFC 3339 with "Z" or an offset, fractions cut off. Returns -EINVAL for anything else. */
int time_from_rfc3339(const char *text, time_t *ret) MUST_CHECK;

/* Writes "2026-11-22T01:00:00Z" to buffer and returns it; "unknown" for 0. */
const char *time_to_rfc3339(time_t time, char buffer[static TIME_TEXT_SIZE]);

/* The Date format of apt Release files, mail and HTTP (RFC 5322, RFC 9110):
 * "Sat, 21 Nov 2026 00:53:02 UTC", zones UTC, GMT, Z and +hhmm. Returns -EINVAL. */
int time_from_rfc5322(const char *text, time_t *ret) MUST_CHECK;

/* Parses what people type at --at: RFC 3339, or "YYYY-MM-DD" meaning 00:00 UTC. -EINVAL. */
int time_from_text(const char *text, time_t *ret) MUST_CHECK;
