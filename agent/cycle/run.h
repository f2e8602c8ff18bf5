/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whether the helper is to be asked for a run now. Pure; the helper decides again. */

#include "decide/evaluate.h"
#include "policy/window.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum {
        RUN_LEAD_SECONDS = 3600, /* downloads begin this long before a window */
        RUN_ATTEMPTS_MAX = 3,    /* in one opening: what failed three times waits for the next */
};

enum run_choice { RUN_NOTHING, RUN_DOWNLOAD, RUN_APPLY };

struct run_question {
        const struct decisions *decisions;
        size_t n_planned;     /* packages to install */
        bool reboot_required; /* and not forbidden by the assignment */
        time_t now;
};

/* The opening that is open or comes next; all zero without a window. */
void run_opening(const struct decisions *decisions, time_t now, struct opening *ret);

/* Whether a step may begin in it now. */
bool run_is_open(const struct opening *opening, time_t now);

/* Gives the opening meant in *ret, as run_opening(). */
enum run_choice run_choose(const struct run_question *question, struct opening *ret);

/* How often the helper is asked in one opening. A reboot alone is asked for once. */
int64_t run_attempts_max(const struct run_question *question);
