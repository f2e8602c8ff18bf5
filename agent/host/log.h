/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The journal. Every event has a fixed MESSAGE_ID, explained by packaging/patchd.catalog; the key
 * facts stand in fields and again in MESSAGE as key=value, because some collectors keep nothing
 * else. Where there is no journal (a terminal, a container image) lines go to stderr.
 */

#include "base/diag.h"
#include "host/config.h"

#include <stdint.h>

enum event {
        EVENT_POLICY_ACCEPTED,
        EVENT_POLICY_REJECTED,
        EVENT_POLICY_EXPIRED,
        EVENT_POLICY_UNREACHABLE,
        EVENT_POLICY_REACHABLE,
        EVENT_POLICY_RESET, /* its version was forgotten, by an administrator */
        EVENT_FEED_ACCEPTED,
        EVENT_FEED_REJECTED, /* lacking, or its last good one is kept */
        EVENT_SCAN_FINISHED,
        EVENT_RUN_STARTED,
        EVENT_RUN_FINISHED,
        EVENT_RUN_REFUSED,
        EVENT_RUN_REPAIRED, /* an interrupted run was found and repaired */
        EVENT_PACKAGE_UPDATED,
        EVENT_PACKAGE_FAILED,
        EVENT_PACKAGE_REMOVED,
        EVENT_PACKAGE_ROLLED_BACK,
        EVENT_CHECK_FAILED, /* a health check of the administrator */
        EVENT_HOOK_FAILED,
        EVENT_REFRESH_FAILED,
        EVENT_WINDOW_OPENED,
        EVENT_WINDOW_CLOSED,
        EVENT_REBOOT_REQUIRED,
        EVENT_REBOOT_REQUESTED,
        EVENT_REBOOT_FINISHED, /* the node came back, and the run was verified again */
        EVENT_REBOOT_NOT_PERFORMED,
        EVENT_REPORT_SPOOLED,
        EVENT_REPORT_DELIVERED,
        EVENT_REPORT_DROPPED,
        EVENT_PAUSED,
        EVENT_RESUMED,
        EVENT_STATE_PROBLEM, /* state could not be written or read: a full disk, a damaged file */
        N_EVENTS,
};

/* What an event is about; NULL or 0 members are left out. */
struct event_fields {
        const char *run_id;
        const char *policy_id;
        int64_t policy_version;
        const char *package;
        const char *version_from, *version_to;
        const char *state;
        const char *result;
        const char *advisories; /* joined by a blank */
        const char *reason;     /* free text, escaped: PATCHD_REASON */
};

/* Sets the lowest level written and the SYSLOG_IDENTIFIER (kept by pointer); call once at start.
 * The only mutable state of this folder; without it: "patchd", LOG_LEVEL_INFO. */
void log_open(const char *identifier, enum log_level level);

/* One structured entry, as event.h makes it. Foreign text in the fields is escaped and bounded (4
 * KiB a field). */
void log_event(enum event event, const struct event_fields *fields);

/* A plain line, for what is no event. level is one of log_level; control characters are escaped. */
void log_line(enum log_level level, const char *format, ...) PRINTF(2, 3);

/* The lower-case word of PATCHD_EVENT ("package-updated") and its MESSAGE_ID as 32 hex digits. */
const char *event_name(enum event event);
const char *event_message_id(enum event event);
