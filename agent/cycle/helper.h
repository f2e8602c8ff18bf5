/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the cycle asks of patchd-apply, over its socket. The helper trusts nothing of it: it
 * verifies the policy, decides again and installs only what it approves itself.
 */

#include "base/blob.h"
#include "base/diag.h"
#include "decide/plan.h"
#include "host/config.h"
#include "report/outcome.h"
#include "report/progress.h"

enum { HELPER_PACKAGES_MAX = 2000 }; /* more are not named: all that is approved is meant */

#define HELPER_ALREADY_RUNNING "org.patchd.apply.AlreadyRunning"

/* What both Download and Apply are given. */
struct helper_request {
        const struct paths *paths;
        const struct blob *envelope; /* empty: the helper has the policy in a file */
        const char *run_id;
        const struct plan *plan; /* NULL or empty: all that is approved */
        const char *operation;   /* Apply: one of the policy, by its id, instead; or NULL */
        /* Where the helper is, to be passed on; may be NULL. */
        int (*on_progress)(const struct progress *progress, void *context);
        void *context;
};

/* Hands over the envelope of a policy unless the helper already keeps the one with this digest.
 * Errors: as connection_call(); the helper logs what it refuses. */
int helper_set_policy(const struct paths *paths, const struct blob *envelope, const char *digest,
                      struct diag *diag) MUST_CHECK;

/* Has it end runs that were interrupted or whose reboot came. Errors: as connection_call(). */
int helper_recover(const struct paths *paths, struct diag *diag) MUST_CHECK;

/* Gives whether every repository answered. Which ones failed is the helper's to log; what counts is
 * how old their indexes are. Errors: as connection_call(). */
int helper_refresh(const struct paths *paths, bool *ret_complete, struct diag *diag) MUST_CHECK;

/*
 * method is "Download" or "Apply". The outcome is NULL when the helper gave none. An error reply is
 * -EREMOTEIO with its name in *ret_error (owned; NULL: no reply came).
 */
int helper_run(const struct helper_request *request, const char *method, struct outcome **ret,
               char **ret_error, struct diag *diag) MUST_CHECK;
