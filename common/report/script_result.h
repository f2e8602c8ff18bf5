/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What an administrator's programs said during a run: hooks (before and after it) and health checks
 * (before its first step, after each step, after a reboot). Part of an outcome; read by reports.
 */

#include "base/diag.h"
#include "base/enums.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

enum { SCRIPT_OUTPUT_MAX_BYTES = 4096 };

enum script_phase {
        SCRIPT_PRE_RUN,
        SCRIPT_POST_RUN,
        SCRIPT_BEFORE,     /* a check, before the first step: how things were */
        SCRIPT_AFTER_STEP, /* a check */
        SCRIPT_AFTER_BOOT, /* a check */
        N_SCRIPT_PHASES,
};
extern const struct enum_table script_phase_names;

struct script_result {
        enum script_phase phase;
        char *name; /* of the file */
        bool passed;
        int exit_code; /* -1: it did not exit, or was not run */
        bool timed_out;
        char *message; /* why it did not pass, one sentence; NULL: it did */
        char *output;  /* its end, without control characters but newlines; "" */
};

/* Hooks and checks in the order in which they ran. */
struct script_results {
        struct script_result *items;
        size_t n_items;
};

void script_results_done(struct script_results *results);

/* Takes over what result holds; of a check that passed after several steps, the last time is kept.
 * -ENOMEM: result is freed all the same. */
int script_results_add(struct script_results *results, struct script_result *result) MUST_CHECK;

/* The newest result of a check in this phase; NULL: it was not asked then. */
const struct script_result *script_results_find(const struct script_results *results,
                                                enum script_phase phase, const char *name);

/* Whether a check fails after the reboot that passed before the run, and also when it was last
 * asked before the reboot: then it is the reboot that broke something. */
bool script_results_broke_at_boot(const struct script_results *results);

/* "exit code 1: connection refused": why it did not pass, with its last line. The caller frees;
 * NULL: out of memory. */
char *script_result_describe(const struct script_result *result);

/* Foreign output as it may be kept and shown: its last SCRIPT_OUTPUT_MAX_BYTES. -ENOMEM. */
int script_output_clean(const char *text, char **ret) MUST_CHECK;

/* As the members "hooks" and "checks" of an object. */
void script_results_write(const struct script_results *results, struct json_writer *writer);
int script_results_read(const struct json *object, struct script_results *ret) MUST_CHECK;
