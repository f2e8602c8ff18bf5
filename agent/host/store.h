/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemon's and cycle's state in one sqlite file (its only user): poll state, history of runs,
 * the last report, and the report spool. One writer at a time; readers never wait for long. A
 * damaged file is moved aside and said, never a reason not to start.
 */

#include "base/blob.h"
#include "base/diag.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum {
        STORE_SPOOL_MAX_REPORTS = 500,
        STORE_SPOOL_MAX_BYTES = 32 * 1024 * 1024,
        STORE_HISTORY_MAX_RUNS = 1000,
};

/* A named value that others than the cycle read: what was last said of a feed. ".KEY" follows
 * (feed_key() of its id). */
#define STORE_FEED_STATE "feed.state"

struct store;

/*
 * Opens (and creates or migrates) <state>/patchd.sqlite. read_only never creates (-ENOENT) and
 * never moves aside (-EUCLEAN). *ret_damaged, when not NULL, tells that an unreadable file was
 * moved aside, to patchd.sqlite.damaged-<n>. Damage that shows only later makes that call -EUCLEAN,
 * and store_close() moves the file aside. Every call may give -EBUSY (10 s locked by another
 * process), -ENOSPC (nothing changed) and -EIO.
 */
int store_open(const char *state_folder, bool read_only, struct store **ret, bool *ret_damaged,
               struct diag *diag) MUST_CHECK;
void store_close(struct store *store);
DEFINE_CLEANUP(struct store, store_close);

/* Small named values: "etag", "poll.last_at", ... NULL (and 0) when there is none; the caller
 * frees. Setting NULL removes one. */
int store_get(struct store *store, const char *key, char **ret, struct diag *diag) MUST_CHECK;
int store_set(struct store *store, const char *key, const char *value,
              struct diag *diag) MUST_CHECK;

/* The last verified policy as it came (envelope bytes), with its ETag. -ENOENT: none. */
int store_get_policy(struct store *store, struct blob *ret, char **ret_etag,
                     struct diag *diag) MUST_CHECK;
int store_forget_policy(struct store *store, struct diag *diag) MUST_CHECK;
int store_set_policy(struct store *store, const struct blob *bytes, const char *etag,
                     struct diag *diag) MUST_CHECK;

/* The last report (JSON text). -ENOENT: none yet. */
int store_get_report(struct store *store, char **ret, struct diag *diag) MUST_CHECK;

/* A run of the history. Borrowed. */
struct store_run {
        const char *run_id;
        const char *outcome; /* JSON text, at most 2 MiB */
        time_t started_at;
};

/* A report to be kept. Borrowed. */
struct store_report {
        const char *report; /* JSON text, at most 8 MiB */
        const char *sha256;
        bool spool;                  /* it is to be delivered */
        const struct store_run *run; /* that it tells, to be put into the history; NULL: none */
};

/*
 * Keeps a report as the last one and, when spool is true, queues it for delivery under the next
 * sequence number (given in *ret_sequence); with its run, all in one transaction, so that no run
 * stands in the history and was never told. Beyond the bounds the oldest spooled reports are
 * dropped and counted (*ret_dropped). On a full disk nothing changes: -ENOSPC. -EFBIG.
 */
int store_add_report(struct store *store, const struct store_report *report, int64_t *ret_sequence,
                     size_t *ret_dropped, struct diag *diag) MUST_CHECK;
int64_t store_next_sequence(struct store *store); /* what the next report will carry; 1 at first */

struct spooled_report {
        int64_t sequence;
        char *report;
        char *sha256;
};
void spooled_report_done(struct spooled_report *report);
/* The oldest undelivered report. -ENOENT: the spool is empty. */
int store_next_spooled(struct store *store, struct spooled_report *ret,
                       struct diag *diag) MUST_CHECK;
int store_delivered(struct store *store, int64_t sequence, struct diag *diag) MUST_CHECK;
int store_spool_size(struct store *store, size_t *ret_reports, int64_t *ret_dropped,
                     struct diag *diag) MUST_CHECK;

/* History: one outcome per run id, newest first, together at most 8 MiB. Adding the same run again
 * replaces it. -EFBIG. */
int store_add_run(struct store *store, const struct store_run *run, struct diag *diag) MUST_CHECK;
int store_get_run(struct store *store, const char *run_id, char **ret,
                  struct diag *diag) MUST_CHECK; /* NULL run_id: last; -ENOENT */
int store_list_runs(struct store *store, size_t max_runs, struct strv *ret_outcomes,
                    struct diag *diag) MUST_CHECK;
bool store_has_run(struct store *store, const char *run_id);
