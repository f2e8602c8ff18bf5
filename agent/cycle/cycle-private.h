/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the stages of one cycle share; only cycle.c and its stages include this. */

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
        char *token;
        struct transport *transport;
        struct fetched fetched;
        bool has_feeds;                     /* they have been loaded: */
        struct advisories *advisories;      /* NULL: the policy names no feed, or one is lacking */
        struct strv lacking;                /* a sentence for each */
        char fingerprint[SHA256_TEXT_SIZE]; /* "": could not be made */
        struct judgement *judgement;        /* NULL: not judged, nothing has changed */
        bool after_run;                     /* a run has ended since the last report */
        bool is_unfinished; /* the next poll has to judge again, whatever has changed */
};

/* Configuration, lock, store, node, keys, transport. cycle_done() also after a failure. */
int cycle_prepare(struct cycle *cycle, struct diag *diag) MUST_CHECK;
void cycle_done(struct cycle *cycle);

int cycle_progress(const struct cycle *cycle, const char *state, const char *text,
                   int percent) MUST_CHECK;

/* Sums up the inputs; has to come before they are read. */
void cycle_take_fingerprint(struct cycle *cycle);
/* Puts a new judgement in the place of the last one. */
int cycle_judge(struct cycle *cycle, struct diag *diag) MUST_CHECK;

/* Stages in files of their own: download and apply; report; deliver. */
int cycle_apply(struct cycle *cycle, struct diag *diag) MUST_CHECK;
int cycle_report(struct cycle *cycle, struct diag *diag) MUST_CHECK;
int cycle_deliver(struct cycle *cycle, struct diag *diag) MUST_CHECK;
