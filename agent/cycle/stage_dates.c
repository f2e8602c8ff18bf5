/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/cycle-private.h"
#include "decide/waiting.h"

#include <string.h>

static int count_unread(const struct cycle *cycle, size_t *ret)
{
        struct plan_step unread = {0};
        int r = waiting_list(cycle->judgement->decisions, true, &unread);

        if (r >= 0)
                *ret = unread.n_items;
        free(unread.items);
        return r;
}

/* Ahead of planning, and long before a window: what is read now may be approved today. */
int cycle_read_dates(struct cycle *cycle, struct diag *diag)
{
        size_t n_before = 0, n_left = 0;
        int r;

        if (!cycle->judgement || !cycle->judgement->decisions->may_apply ||
            strcmp(cycle->options->trigger, "outcome") == 0)
                return 0;
        r = count_unread(cycle, &n_before);
        if (r < 0 || n_before == 0)
                return r;
        r = cycle_ask_helper(cycle, &(struct run_order){.method = "Download"}, NULL, diag);
        if (r < 0)
                return r;
        cycle->now = time(NULL);
        cycle_take_fingerprint(cycle);
        r = cycle_judge(cycle, diag);
        if (r >= 0)
                r = count_unread(cycle, &n_left);
        if (r >= 0 && n_left > 0)
                cycle->is_unfinished = true;
        return r;
}
