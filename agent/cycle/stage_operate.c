/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "cycle/cycle-private.h"
#include "cycle/helper.h"
#include "cycle/memory.h"
#include "cycle/operations.h"
#include "cycle/run.h"

#include <string.h>

/* What is asked for at once is judged by indexes of now; once for each such wish. */
static int refresh(struct cycle *cycle, const struct operations_due *due, struct diag *diag)
{
        CLEANUP(freep) char *ids = NULL;
        int r = operations_at_once(due, &ids);

        if (r < 0 || !memory_changed(cycle->store, MEMORY_OPERATIONS_SEEN, ids) || !ids)
                return r;
        r = cycle_refresh(cycle);
        if (r < 0)
                return r;
        cycle_take_fingerprint(cycle);
        return cycle_judge(cycle, diag);
}

static bool may_begin(const struct cycle *cycle, const struct operation *operation,
                      const struct opening *opening)
{
        if (operation->action == OPERATION_SCAN)
                return true;
        return cycle->judgement->decisions->may_apply &&
               (operation->ignore_window || run_is_open(opening, cycle->now));
}

/* What a scan brings is no run of the helper's, so that its reply alone tells the history of it. */
static int keep(struct cycle *cycle, const struct outcome *outcome, struct diag *diag)
{
        if (!outcome || outcome->result == RUN_REFUSED)
                return 0;
        return cycle_keep_outcome(cycle, outcome, diag);
}

static int operate(struct cycle *cycle, const struct operation *operation,
                   const struct opening *opening, struct diag *diag)
{
        const struct run_order order = {.method = "Apply", .operation = operation->id};
        CLEANUP(freep) char *key = str_format(MEMORY_OPERATION_ATTEMPTS ".%s", operation->id);
        CLEANUP(freep) char *text = str_format("carrying out operation %s", operation->id);
        CLEANUP(outcome_freep) struct outcome *outcome = NULL;
        int r;

        if (!key || !text)
                return -ENOMEM;
        if (!cycle_count_attempt(cycle, key, opening, RUN_ATTEMPTS_MAX))
                return 0;
        cycle->meter = (struct progress_meter){.to = PROGRESS_WHOLE};
        r = cycle_progress(cycle, "operate", text);
        if (r >= 0)
                r = cycle_ask_helper(cycle, &order, &outcome, diag);
        if (r >= 0 && outcome)
                (void)memory_set(cycle->store, key, NULL);
        return r < 0 ? r : keep(cycle, outcome, diag);
}

static int operate_all(struct cycle *cycle, const struct operations_due *due, struct diag *diag)
{
        struct opening opening;
        bool has_asked = false;
        int r = 0;

        run_opening(cycle->judgement->decisions, cycle->now, &opening);
        for (size_t i = 0; r >= 0 && i < due->n_items; i++) {
                if (!may_begin(cycle, due->items[i], &opening))
                        continue;
                has_asked = true;
                r = operate(cycle, due->items[i], &opening, diag);
        }
        if (r < 0 || !has_asked)
                return r;
        cycle->now = time(NULL);
        cycle_take_fingerprint(cycle);
        return cycle_judge(cycle, diag);
}

int cycle_operate(struct cycle *cycle, struct diag *diag)
{
        CLEANUP(operations_due_done) struct operations_due due = {0};
        struct diag trouble = {0};
        int r;

        /* A run that has just ended is to be reported first. */
        if (!cycle->judgement || strcmp(cycle->options->trigger, "outcome") == 0)
                return 0;
        r = operations_find(cycle->options->paths, cycle->fetched.policy, &cycle->judgement->node,
                            cycle->now, &due, &trouble);
        if (r < 0 && r != -ENOMEM)
                r = cycle_result_add_error(cycle->result, diag_text(&trouble, r), 0);
        if (r >= 0 && due.n_items > 0)
                r = refresh(cycle, &due, diag);
        return r < 0 || due.n_items == 0 ? r : operate_all(cycle, &due, diag);
}
