/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What each event looks like in the journal: made from const tables, nothing is sent here. */

#include "base/diag.h"
#include "base/strv.h"
#include "host/log.h"

enum {
        EVENT_FIELD_MAX_BYTES = 4000, /* journalctl -o json gives null for more than 4096 */
        EVENT_SCHEMA = 1,             /* PATCHD_SCHEMA: grows when a field changes its meaning */
};

/* The syslog priority of a level (sd-daemon(3)): 3 for LOG_LEVEL_ERROR .. 7 for LOG_LEVEL_DEBUG. */
int event_priority(enum log_level level);

enum log_level event_level(enum event event);

/*
 * The entry's fields, "NAME=value": MESSAGE first, then MESSAGE_ID, PRIORITY, SYSLOG_IDENTIFIER,
 * PATCHD_SCHEMA, PATCHD_EVENT and those that fields has. Foreign text is escaped and cut.
 * Returns -ENOMEM.
 */
int event_format(enum event event, const struct event_fields *fields, const char *identifier,
                 struct strv *ret) MUST_CHECK;

/* The same for a plain line: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER. */
int event_format_line(enum log_level level, const char *text, const char *identifier,
                      struct strv *ret) MUST_CHECK;
