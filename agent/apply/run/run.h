/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One run: lock, recovery, policy, judging, plan, download, steps, outcome. What the caller asked
 * for can only narrow it; what is installed is (requested and approved), by this helper's own
 * judgement.
 */

#include "apply/dispatch.h"
#include "apply/packages/installer.h"
#include "apply/state.h"
#include "decide/estimate.h"
#include "decide/old_kernels.h"
#include "host/host.h"
#include "host/judge.h"

/* Where the parts of a run end, of PROGRESS_WHOLE. */
enum {
        RUN_PREPARED = 200,
        RUN_HAD_ALL = 500, /* nothing had to be fetched */
        RUN_DOWNLOADED = 3000,
        RUN_INSTALLED = 9800,
};

struct run {
        struct service *service;
        const struct request *request;
        const char *run_id, *trigger;
        const struct operation *operation; /* of the policy, which this run carries out; or NULL */
        bool ignores_window;               /* an administrator's now=true */
        bool downloads_only;

        struct config *config;
        struct root root;
        struct installer installer;
        struct policy *policy;
        struct advisories *advisories; /* of its feeds; NULL: none, or one is lacking */
        struct strv lacking;           /* a sentence for each feed that is */
        struct judgement *judgement;
        struct plan *plan;
        struct opening opening; /* of the assignment's window; all 0: there is none */

        /* Of the whole plan in its order; outcome->packages[i] is what became of items[i]. */
        const struct plan_item **items;
        size_t n_items;
        struct estimates estimates;
        struct old_kernels old_kernels; /* to remove first; behind the items in the outcome */
        bool no_kernels;                /* /boot has no room for those of the plan */
        int64_t reserve_seconds;        /* of the window, for the reboot after the run */
        size_t n_merges;                /* of steps that the package manager refused */
        struct outcome *outcome;
        bool hooks_started;
        char *refusal;  /* of a pre-run hook; NULL: none */
        char *trouble;  /* why no further step may start; NULL: none */
        int n_attempts; /* at installing something, so far */
        char *answer;   /* the reply, as soon as it is known */
};

/* "" when it may start now; else why not (owned; NULL: out of memory), such as the window's end. */
char *run_stop_reason(const struct run *run);

METHOD_HANDLER(run_handle_apply);
METHOD_HANDLER(run_handle_download);
METHOD_HANDLER(run_handle_apply_now);
