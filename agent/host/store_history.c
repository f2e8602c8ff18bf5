/* SPDX-License-Identifier: Apache-2.0 */
#include "host/store-private.h"

#include <string.h>

int store_put_run(struct store *store, const struct store_run *run, struct diag *diag)
{
        const int64_t started_at = run->started_at, size_bytes = (int64_t)strlen(run->outcome);
        const int64_t max_runs = STORE_HISTORY_MAX_RUNS, max_bytes = STORE_HISTORY_MAX_BYTES;
        const struct store_value values[] = {{.text = run->run_id},
                                             {.number = &started_at},
                                             {.number = &size_bytes},
                                             {.text = run->outcome}};
        const struct store_value bounds[] = {{.number = &max_runs}, {.number = &max_bytes}};
        int r;

        r = store_exec(store,
                       "INSERT OR REPLACE INTO run (run_id, started_at, size_bytes, outcome) "
                       "VALUES (?1, ?2, ?3, ?4)",
                       values, 4, diag);
        if (r < 0)
                return r;
        return store_exec(store,
                          "DELETE FROM run WHERE run_id IN (SELECT run_id FROM (SELECT run_id,"
                          " row_number() OVER newest AS n_runs,"
                          " sum(size_bytes) OVER newest AS n_bytes FROM run"
                          " WINDOW newest AS (ORDER BY started_at DESC, run_id DESC"
                          " ROWS UNBOUNDED PRECEDING)) WHERE n_runs > ?1 OR n_bytes > ?2)",
                          bounds, 2, diag);
}

int store_check_run(const struct store_run *run, struct diag *diag)
{
        if (strlen(run->outcome) > STORE_OUTCOME_MAX_BYTES)
                return diag_fail(diag, -EFBIG, "the outcome of run %s is longer than %d bytes",
                                 run->run_id, STORE_OUTCOME_MAX_BYTES);
        return 0;
}

static int put_run(struct store *store, void *arg, struct diag *diag)
{
        return store_put_run(store, arg, diag);
}

int store_add_run(struct store *store, const struct store_run *run, struct diag *diag)
{
        int r = store_check_run(run, diag);

        return r < 0 ? r : store_transaction(store, put_run, (void *)run, diag);
}

int store_get_run(struct store *store, const char *run_id, char **ret, struct diag *diag)
{
        CLEANUP(freep) char *outcome = NULL;
        const struct store_value value = {.text = run_id};
        int r;

        r = store_query(store,
                        run_id ? "SELECT outcome FROM run WHERE run_id = ?1"
                               : "SELECT outcome FROM run "
                                 "ORDER BY started_at DESC, run_id DESC LIMIT 1",
                        &value, run_id ? 1 : 0, store_visit_text, &outcome, diag);
        if (r < 0)
                return r;
        if (!outcome)
                return diag_fail(diag, -ENOENT, "the history has no run%s%s", run_id ? " " : "",
                                 run_id ?: "");
        *ret = TAKE_PTR(outcome);
        return 0;
}

static int visit_outcome(sqlite3_stmt *row, void *arg)
{
        const char *text = (const char *)sqlite3_column_text(row, 0);

        return text ? strv_add(arg, text) : -ENOMEM;
}

int store_list_runs(struct store *store, size_t max_runs, struct strv *ret_outcomes,
                    struct diag *diag)
{
        CLEANUP(strv_done) struct strv outcomes = {0};
        const int64_t limit =
            max_runs > STORE_HISTORY_MAX_RUNS ? STORE_HISTORY_MAX_RUNS : (int64_t)max_runs;
        int r = store_query(
            store, "SELECT outcome FROM run ORDER BY started_at DESC, run_id DESC LIMIT ?1",
            &(struct store_value){.number = &limit}, 1, visit_outcome, &outcomes, diag);

        if (r < 0)
                return r;
        *ret_outcomes = outcomes;
        outcomes = (struct strv){0};
        return 0;
}

bool store_has_run(struct store *store, const char *run_id)
{
        return store_query(store, "SELECT 1 FROM run WHERE run_id = ?1",
                           &(struct store_value){.text = run_id}, 1, NULL, NULL, NULL) > 0;
}
