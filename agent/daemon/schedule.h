/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * When the next cycle is due and why. Pure: the clock, the random number and all that is known come
 * as parameters, so the same facts always give the same answer.
 */

#include "base/enums.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum {
        SCHEDULE_START_SPLAY_SEC = 30,
        SCHEDULE_BACKOFF_BASE_SEC = 60,
        SCHEDULE_BACKOFF_MIN_SEC = 5,
        SCHEDULE_RETRY_AFTER_MAX_SEC = 6 * 3600,
        SCHEDULE_DOWNLOAD_AHEAD_SEC = 15 * 60, /* before a window opens ... */
        SCHEDULE_DOWNLOAD_SPLAY_SEC = 15 * 60, /* ... and up to so much earlier, by node */
        SCHEDULE_OPENING_SPLAY_SEC = 60,       /* after it opens, by node */
};

/* The trigger parameter of org.patchd.cycle.Run. */
enum trigger {
        TRIGGER_START,
        TRIGGER_POLL,
        TRIGGER_WINDOW,
        TRIGGER_OUTCOME,
        TRIGGER_RELOAD,
        TRIGGER_OPERATION,
};
extern const struct enum_table trigger_names;

enum wake_reason {
        WAKE_START,
        WAKE_POLL,
        WAKE_DOWNLOAD, /* some time before the window opens */
        WAKE_OPENING,
        WAKE_CLOSING,
};

struct schedule_facts {
        uint64_t node_hash;                    /* schedule_hash() of the node's id */
        uint32_t random;                       /* drawn anew when a cycle ends */
        int64_t interval_sec;                  /* of polling; > 0 */
        time_t started_at;                     /* this daemon */
        bool has_report;                       /* from an earlier life of the daemon */
        time_t cycle_began_at, cycle_ended_at; /* the last one; 0: none yet */
        unsigned n_failures;                   /* cycles in a row that did not reach the endpoint */
        int64_t retry_after_sec;               /* what the endpoint asked for then; 0: nothing */
        time_t opens_at, closes_at;            /* the window open now or next; 0: none */
};

struct wake {
        time_t at; /* may lie in the past: due */
        enum wake_reason reason;
        enum trigger trigger;
};

/* FNV-1a of the text: spreads nodes evenly, keeps each one where it is. */
uint64_t schedule_hash(const char *text);

/* Puts the end of the last cycle to where it stands on the clock of now: elapsed_sec ago, by a
 * clock that nobody sets. So no jump of the clock shortens a pause, or makes one longer. */
void schedule_follow_clock(struct schedule_facts *facts, time_t now, int64_t elapsed_sec);

/*
 * The next cycle's time. Without a failure polls stand at fixed times of each node, moved by up to
 * a tenth of the interval, never closer than 0.4 intervals; after failures full jitter up to a
 * ceiling that doubles until it is one interval; never before the endpoint's Retry-After. A clock
 * that was set back does not delay anything by more than the pause from now.
 */
struct wake schedule_next(const struct schedule_facts *facts, time_t now);

/* The time of the next poll alone, for people. */
time_t schedule_next_poll(const struct schedule_facts *facts, time_t now);
