/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whether a run is followed by a reboot, and how long one takes. Pure; who asks brings the facts
 * and does what is decided (agent/apply/reboot/rebooting.h).
 */

#include "base/diag.h"
#include "base/strv.h"
#include "policy/policy.h"
#include "policy/window.h"

enum {
        REBOOT_RESERVE_DEFAULT_SECONDS = 5 * 60, /* until one was seen */
        REBOOT_RESERVE_MIN_SECONDS = 2 * 60,
        REBOOT_RESERVE_MAX_SECONDS = 60 * 60,
        REBOOT_DURATIONS_MAX = 5, /* the last ones are learned from */
        REBOOTS_PER_RUN_MAX = 1,
        REBOOTS_PER_OPENING_MAX = 3, /* of one window, whatever runs there are: no endless loop */
};

/* What has to be left of a window: half as much again as the longest of the last reboots took, and
 * a minute. */
int64_t reboot_reserve_seconds(const int64_t *durations_seconds, size_t n_durations);

struct reboot_question {
        enum reboot_mode mode;
        bool is_unknown;            /* whether one is required could not be found out */
        const struct strv *reasons; /* why one is required; empty: it is not */
        const char *owed_by;        /* a run of this boot that `always` wants one for; NULL: none */
        const struct strv *tried;   /* reasons one was asked for in this boot already */
        const struct strv *unhelped; /* reasons that the last reboot left as they were */
        size_t n_of_run;             /* asked for by this run */
        size_t n_of_opening;         /* asked for since the window opened */
        struct opening opening;      /* that is open; all 0: none is */
        int64_t reserve_seconds;
        time_t now;
};

enum reboot_choice {
        REBOOT_NOTHING,  /* neither needed nor wanted */
        REBOOT_HELD,     /* needed, and not to be done: text says why */
        REBOOT_POSTPONE, /* to be done in a later window */
        REBOOT_GO,
};

struct reboot_decision {
        enum reboot_choice choice;
        char *text;          /* "not needed", "not performed: ...", "postponed: ...", "awaited" */
        struct strv reasons; /* that count: one a sentence; of REBOOT_GO the wall message's */
};
void reboot_decision_done(struct reboot_decision *decision);

/* -ENOMEM. */
int reboot_decide(const struct reboot_question *question, struct reboot_decision *ret) MUST_CHECK;

/* The reason that a policy of `always` gives: "the policy reboots after each run that ...". */
char *reboot_owed_reason(const char *run_id);

/* A sentence for each service that uses replaced files and can't be restarted without a reboot. */
int reboot_service_reasons(const struct strv *services, struct strv *reasons) MUST_CHECK;
