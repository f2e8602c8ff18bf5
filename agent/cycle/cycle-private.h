/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the stages of one cycle share; only cycle.c and its stages include this. */

#include "cycle/credentials.h"
#include "cycle/cycle.h"
#include "cycle/fetch.h"
#include "host/host.h"
#include "host/judge.h"

struct cycle {
        const struct cycle_options *options;
        struct cycle_result *result;
        time_t now;
        int lock;
        struct config *config;
        struct keyring *keys;
        struct store *store;
        struct root root;
        struct node node;
        struct credentials credentials;
        struct transport *transport;
        struct fetched fetched;
        bool has_feeds;                     /* they have been loaded: */
        struct advisories *advisories;      /* NULL: the policy names no feed, or one is lacking */
        struct strv lacking;                /* a sentence for each */
        char fingerprint[SHA256_TEXT_SIZE]; /* "": could not be made */
        struct judgement *judgement;        /* NULL: not judged, nothing has changed */
        struct progress_meter meter;        /* of what the helper is asked for */
        bool after_run;                     /* a run has ended since the last report */
        bool is_unfinished; /* the next poll has to judge again, whatever has changed */
};

/* Configuration, lock, store, node, keys, transport. cycle_done() also after a failure. */
int cycle_prepare(struct cycle *cycle, struct diag *diag) MUST_CHECK;
void cycle_done(struct cycle *cycle);

int cycle_tell(const struct cycle *cycle, const struct progress *progress) MUST_CHECK;
int cycle_progress(const struct cycle *cycle, const char *state, const char *text) MUST_CHECK;

/* Fetches the package indexes, by the helper. Without it they only grow old, and the judgement says
 * so. */
int cycle_refresh(struct cycle *cycle) MUST_CHECK;

/* Sums up the inputs; has to come before they are read. */
void cycle_take_fingerprint(struct cycle *cycle);
/* Puts a new judgement in the place of the last one. */
int cycle_judge(struct cycle *cycle, struct diag *diag) MUST_CHECK;

/* Puts an outcome into the history, once; a report of it is then due. */
int cycle_keep_outcome(struct cycle *cycle, const struct outcome *outcome,
                       struct diag *diag) MUST_CHECK;

/* Stages in files of their own: recover; operations; download and apply; report; deliver. */
int cycle_recover(struct cycle *cycle, struct diag *diag) MUST_CHECK;
int cycle_read_dates(struct cycle *cycle, struct diag *diag) MUST_CHECK;
int cycle_operate(struct cycle *cycle, struct diag *diag) MUST_CHECK;
int cycle_apply(struct cycle *cycle, struct diag *diag) MUST_CHECK;
int cycle_report(struct cycle *cycle, struct diag *diag) MUST_CHECK;
int cycle_deliver(struct cycle *cycle, struct diag *diag) MUST_CHECK;

/* Asks the helper for "Download" or "Apply", or for one operation. What it refuses is said once and
 * leaves the cycle unfinished. *ret, which may be NULL, is the outcome; NULL: none came. */
struct run_order {
        const char *method;
        const struct plan *plan;
        const char *operation;
};
int cycle_ask_helper(struct cycle *cycle, const struct run_order *order, struct outcome **ret,
                     struct diag *diag) MUST_CHECK;

/* How often has the helper been asked for this in this opening, with this policy? Counts this time
 * too, before it, and gives whether it is below max: what breaks the cycle off must not be tried
 * for ever. */
bool cycle_count_attempt(struct cycle *cycle, const char *key, const struct opening *opening,
                         int64_t max);
