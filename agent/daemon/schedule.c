/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/schedule.h"

#include "host/backoff.h"

static const char *const trigger_texts[] = {
    [TRIGGER_START] = "start",     [TRIGGER_POLL] = "poll",     [TRIGGER_WINDOW] = "window",
    [TRIGGER_OUTCOME] = "outcome", [TRIGGER_RELOAD] = "reload", [TRIGGER_OPERATION] = "operation",
};
const struct enum_table trigger_names = ENUM_TABLE(trigger_texts);

static const enum trigger reason_triggers[] = {
    [WAKE_START] = TRIGGER_START,     [WAKE_POLL] = TRIGGER_POLL,
    [WAKE_DOWNLOAD] = TRIGGER_WINDOW, [WAKE_OPENING] = TRIGGER_WINDOW,
    [WAKE_CLOSING] = TRIGGER_WINDOW,
};

uint64_t schedule_hash(const char *text)
{
        uint64_t hash = 0xcbf29ce484222325;

        for (; *text; text++)
                hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
        return hash;
}

/* A time in the future can only come from a clock that was wrong then. */
static time_t not_after(time_t time, time_t now)
{
        return time > now ? now : time;
}

void schedule_follow_clock(struct schedule_facts *facts, time_t now, int64_t elapsed_sec)
{
        if (facts->cycle_ended_at != 0)
                facts->cycle_ended_at = now - (elapsed_sec > 0 ? elapsed_sec : 0);
}

/* ---- polls ---- */

static time_t first_cycle(const struct schedule_facts *facts, time_t now)
{
        if (!facts->has_report)
                return now;
        return not_after(facts->started_at, now) +
               (time_t)(facts->random % (SCHEDULE_START_SPLAY_SEC + 1));
}

static time_t backed_off_poll(const struct schedule_facts *facts, time_t last)
{
        const struct backoff backoff = {.min_sec = SCHEDULE_BACKOFF_MIN_SEC,
                                        .base_sec = SCHEDULE_BACKOFF_BASE_SEC,
                                        .ceiling_sec = facts->interval_sec};

        return last + backoff_delay_sec(&backoff, facts->n_failures, facts->random);
}

/* Half an interval of distance keeps an early poll from being followed by its own slot. */
static time_t regular_poll(const struct schedule_facts *facts, time_t last)
{
        int64_t interval = facts->interval_sec;
        int64_t offset = (int64_t)(facts->node_hash % (uint64_t)interval);
        int64_t slot = (last + interval / 2 - offset) / interval * interval + offset;
        int64_t tenth = interval / 10;

        while (slot <= last + interval / 2)
                slot += interval;
        return slot - tenth + facts->random % (2 * tenth + 1);
}

time_t schedule_next_poll(const struct schedule_facts *facts, time_t now)
{
        time_t last = not_after(facts->cycle_ended_at, now);
        int64_t wait = facts->retry_after_sec;
        time_t at;

        if (facts->cycle_ended_at == 0)
                return first_cycle(facts, now);
        at = facts->n_failures > 0 ? backed_off_poll(facts, last) : regular_poll(facts, last);
        if (wait > SCHEDULE_RETRY_AFTER_MAX_SEC)
                wait = SCHEDULE_RETRY_AFTER_MAX_SEC;
        return at < last + wait ? last + wait : at;
}

/* ---- windows ---- */

/* A time of the window matters once: not when a cycle has begun since. */
static void consider(struct wake *wake, const struct schedule_facts *facts, time_t now, time_t at,
                     enum wake_reason reason)
{
        if (at <= not_after(facts->cycle_began_at, now) || at >= wake->at)
                return;
        *wake = (struct wake){.at = at, .reason = reason};
}

static void consider_window(struct wake *wake, const struct schedule_facts *facts, time_t now)
{
        time_t early = (time_t)(facts->node_hash % SCHEDULE_DOWNLOAD_SPLAY_SEC);
        time_t late = (time_t)(facts->node_hash % SCHEDULE_OPENING_SPLAY_SEC);

        if (facts->opens_at == 0 || facts->closes_at <= facts->opens_at)
                return;
        if (now < facts->opens_at)
                consider(wake, facts, now, facts->opens_at - SCHEDULE_DOWNLOAD_AHEAD_SEC - early,
                         WAKE_DOWNLOAD);
        if (now < facts->closes_at)
                consider(wake, facts, now, facts->opens_at + late, WAKE_OPENING);
        consider(wake, facts, now, facts->closes_at, WAKE_CLOSING);
}

struct wake schedule_next(const struct schedule_facts *facts, time_t now)
{
        bool is_first = facts->cycle_ended_at == 0;
        struct wake wake = {.at = schedule_next_poll(facts, now),
                            .reason = is_first ? WAKE_START : WAKE_POLL};

        if (!is_first)
                consider_window(&wake, facts, now);
        wake.trigger = reason_triggers[wake.reason];
        return wake;
}
