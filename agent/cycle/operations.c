/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/operations.h"

#include "host/operation_file.h"

void operations_due_done(struct operations_due *due)
{
        free(due->items);
        *due = (struct operations_due){0};
}

static bool is_due(const struct operation *operation, const struct node *node,
                   const struct operation_records *records, time_t now)
{
        return operation->expires > now && match_covers(&operation->match, node) &&
               !operation_records_find(records, operation->id);
}

int operations_find(const struct paths *paths, const struct policy *policy, const struct node *node,
                    time_t now, struct operations_due *ret, struct diag *diag)
{
        CLEANUP(operation_records_done) struct operation_records records = {0};
        struct operations_due due = {0};
        int r;

        *ret = due;
        if (policy->n_operations == 0)
                return 0;
        r = operation_file_read(paths, &records, diag);
        if (r < 0)
                return r;
        due.items = calloc(policy->n_operations, sizeof(*due.items));
        if (!due.items)
                return -ENOMEM;
        for (size_t i = 0; i < policy->n_operations; i++)
                if (is_due(&policy->operations[i], node, &records, now))
                        due.items[due.n_items++] = &policy->operations[i];
        *ret = due;
        return 0;
}

bool operation_is_at_once(const struct operation *operation)
{
        return operation->action == OPERATION_SCAN || operation->ignore_window;
}

int operations_at_once(const struct operations_due *due, char **ret)
{
        CLEANUP(strv_done) struct strv ids = {0};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < due->n_items; i++)
                if (operation_is_at_once(due->items[i]))
                        r = strv_add(&ids, due->items[i]->id);
        *ret = NULL;
        return r < 0 || ids.n_items == 0 ? r : strv_join(&ids, " ", ret);
}
