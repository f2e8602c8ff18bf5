/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Running an administrator's programs: one file, or the files of a folder in the order of their
 * names (bytes). Only regular files that root alone can have written are run; hidden files and
 * copies that editors and package managers leave are passed over. Each gets no input, a clean
 * environment, a deadline, and /dev/null for what it should not have.
 */

#include "base/diag.h"
#include "report/script_result.h"

#include <stdbool.h>
#include <stdint.h>

enum { SCRIPTS_MAX = 100 };

struct scripts_call {
        const char *path; /* a file or a folder; that it does not exist is fine */
        enum script_phase phase;
        uint64_t timeout_usec;
        const char *run_id, *trigger, *policy_id;
        int64_t policy_version;
        const char *step;     /* PATCHD_STEP: its number; NULL: none */
        const char *packages; /* PATCHD_PACKAGES: "name=version ..."; NULL: none */
        const char *result;   /* PATCHD_RESULT; NULL: not known yet */
        bool stop_at_failure;
};

/* Runs them and appends what they said; what may not be run counts as failed. *ret_n_failed: how
 * many did not pass. Returns -ENOMEM. */
int scripts_run(const struct scripts_call *call, struct script_results *results,
                size_t *ret_n_failed) MUST_CHECK;

/* Whether there is anything to run. */
bool scripts_exist(const char *path);
