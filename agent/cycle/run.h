/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whether the helper is to be asked for something now. Pure; the helper decides again. */

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
        bool operation;       /* one of the policy's waits to be done in the window */
        bool operation_now;   /* one waits that ignores the window */
        time_t now;
};

/* Gives the opening meant in *ret; without a window it is all zero. */
enum run_choice run_choose(const struct run_question *question, struct opening *ret);

/* Whether another try is due, attempts having been made in this opening. A reboot alone is asked
 * for once. */
bool run_may_try(const struct run_question *question, int64_t attempts);
