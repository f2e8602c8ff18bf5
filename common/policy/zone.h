/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One time zone, read from the bytes of a TZif file (RFC 9636, versions 1 to 4). It knows nothing
 * of names, paths or the local zone: who has the file hands in its bytes. zone_parse() gives the
 * zone to the caller, who frees it.
 */

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/timetext.h"

#include <stddef.h>
#include <stdint.h>

enum {
        ZONE_SIZE_MAX = 256 * 1024,   /* bytes of a file; real ones stay below 8 KiB */
        ZONE_TRANSITIONS_MAX = 8192,  /* real ones have less than 300 */
        ZONE_TYPES_MAX = 256,         /* an index is one byte */
        ZONE_ABBREVIATIONS_MAX = 256, /* bytes: an index is one byte */
        ZONE_OFFSET_SEC_MAX = 26 * SECONDS_PER_HOUR, /* either way */
};

struct zone;

/* Parses size bytes, which may be anything. Returns -EINVAL (not TZif, damaged, or a zone that
 * counts leap seconds), -EFBIG (above ZONE_SIZE_MAX) or -ENOMEM. The caller frees *ret. */
int zone_parse(const char *bytes, size_t size, struct zone **ret, struct diag *diag) MUST_CHECK;

void zone_free(struct zone *zone);
DEFINE_CLEANUP(struct zone, zone_free);

/* Seconds east of Greenwich. Times before year 1 and after year 9999 count as those limits. */
int32_t zone_offset_at(const struct zone *zone, time_t time);

/* "CEST" or "+0530"; owned by zone. */
const char *zone_abbreviation_at(const struct zone *zone, time_t time);

/*
 * The time at which clocks in this zone show local_seconds (seconds since 1970-01-01 00:00 on that
 * clock). A local time that clocks skip moves forward by what they skip: it is read with the offset
 * from before the gap (RFC 5545 section 3.3.5). Of two times that show the same, the first.
 */
time_t zone_local_to_time(const struct zone *zone, int64_t local_seconds);
