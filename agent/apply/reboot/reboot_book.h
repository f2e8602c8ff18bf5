/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the helper remembers of reboots, in reboot.json of its state: the one on its way, what was
 * tried in this boot, what the last one did not cure, how long they took, and the lock of FleetLock
 * it holds. On disk, fsynced, before a reboot is asked for.
 */

#include "base/diag.h"
#include "base/strv.h"
#include "decide/reboot.h"
#include "host/config.h"

enum { REBOOT_BOOK_RECENT_MAX = 20 };

struct reboot_book {
        /* Asked for, and neither come back from nor given up yet. */
        bool is_pending;
        char *pending_run_id; /* NULL: an administrator's */
        char *pending_boot_id;
        time_t pending_at;
        struct strv pending_reasons;

        char *tried_boot_id; /* the boot that tried is about */
        struct strv tried;
        struct strv unhelped;

        time_t recent[REBOOT_BOOK_RECENT_MAX]; /* when they were asked for, oldest first */
        char *recent_run_ids[REBOOT_BOOK_RECENT_MAX];
        size_t n_recent;
        int64_t durations_seconds[REBOOT_DURATIONS_MAX];
        size_t n_durations;

        char *lock_boot_id; /* FleetLock's lock is ours since that boot; NULL: not held */
        time_t locked_at;
};
void reboot_book_done(struct reboot_book *book);

/* A file that is not there or damaged is an empty book. -ENOMEM. */
int reboot_book_read(const struct paths *paths, struct reboot_book *ret) MUST_CHECK;
int reboot_book_write(const struct paths *paths, const struct reboot_book *book,
                      struct diag *diag) MUST_CHECK;

/* Notes that a reboot is asked for now. run_id may be NULL. -ENOMEM; nothing is written yet. */
int reboot_book_request(struct reboot_book *book, const char *run_id, const char *boot_id,
                        const struct strv *reasons, time_t now) MUST_CHECK;

/* It was not asked for after all: as if it had not been noted. */
void reboot_book_withdraw(struct reboot_book *book);

/* The one on its way is over: it took so long (0: it did not come), and these reasons are left. */
int reboot_book_settle(struct reboot_book *book, int64_t duration_seconds,
                       const struct strv *reasons_left) MUST_CHECK;

/* Reasons tried in this boot; NULL: none. */
const struct strv *reboot_book_tried(const struct reboot_book *book, const char *boot_id);

/* How many were asked for by this run, and how many at since or later. */
size_t reboot_book_count_run(const struct reboot_book *book, const char *run_id);
size_t reboot_book_count_since(const struct reboot_book *book, time_t since);
