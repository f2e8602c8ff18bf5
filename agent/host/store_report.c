/* SPDX-License-Identifier: Apache-2.0 */
#include "host/store-private.h"

#include <string.h>

/* ---- counters ---- */

static int read_counter(struct store *store, const char *key, int64_t *ret, struct diag *diag)
{
        *ret = 0;
        return store_query(store, "SELECT CAST(value AS INTEGER) FROM value WHERE key = ?1",
                           &(struct store_value){.text = key}, 1, store_visit_number, ret, diag);
}

static int write_counter(struct store *store, const char *key, int64_t value, struct diag *diag)
{
        const struct store_value values[] = {{.text = key}, {.number = &value}};

        return store_exec(store, "INSERT OR REPLACE INTO value (key, value) VALUES (?1, ?2)",
                          values, 2, diag);
}

/* ---- the last report ---- */

int store_get_report(struct store *store, char **ret, struct diag *diag)
{
        CLEANUP(freep) char *report = NULL;
        int r = store_query(store, "SELECT report FROM report", NULL, 0, store_visit_text, &report,
                            diag);

        if (r < 0)
                return r;
        if (!report)
                return diag_fail(diag, -ENOENT, "%s: there is no report yet", store->path);
        *ret = TAKE_PTR(report);
        return 0;
}

int64_t store_next_sequence(struct store *store)
{
        int64_t last = 0;

        return read_counter(store, "report.sequence", &last, NULL) < 0 ? 1 : last + 1;
}

/* ---- the spool ---- */

struct new_report {
        const struct store_report *report;
        int64_t sequence;
        size_t n_dropped;
};

struct spool_size {
        int64_t n_reports, size_bytes;
};

static int visit_spool_size(sqlite3_stmt *row, void *arg)
{
        struct spool_size *size = arg;

        size->n_reports = sqlite3_column_int64(row, 0);
        size->size_bytes = sqlite3_column_int64(row, 1);
        return 0;
}

static int read_spool_size(struct store *store, struct spool_size *ret, struct diag *diag)
{
        return store_query(store, "SELECT count(*), coalesce(sum(size_bytes), 0) FROM spool", NULL,
                           0, visit_spool_size, ret, diag);
}

static int drop_oldest(struct store *store, struct new_report *new, struct diag *diag)
{
        struct spool_size size = {0};
        int64_t n_dropped = 0;
        int r;

        for (;;) {
                r = read_spool_size(store, &size, diag);
                if (r < 0)
                        return r;
                if (size.n_reports <= STORE_SPOOL_MAX_REPORTS &&
                    size.size_bytes <= STORE_SPOOL_MAX_BYTES)
                        break;
                r = store_exec(
                    store, "DELETE FROM spool WHERE sequence = (SELECT min(sequence) FROM spool)",
                    NULL, 0, diag);
                if (r < 0)
                        return r;
                new->n_dropped++;
        }
        if (new->n_dropped == 0)
                return 0;
        r = read_counter(store, "spool.dropped", &n_dropped, diag);
        if (r < 0)
                return r;
        return write_counter(store, "spool.dropped", n_dropped + (int64_t) new->n_dropped, diag);
}

static int queue_report(struct store *store, struct new_report *new, struct diag *diag)
{
        const int64_t size_bytes = (int64_t)strlen(new->report->report);
        const struct store_value values[] = {{.number = &new->sequence},
                                             {.number = &size_bytes},
                                             {.text = new->report->sha256},
                                             {.text = new->report->report}};
        int r = store_exec(store,
                           "INSERT OR REPLACE INTO spool (sequence, size_bytes, sha256, report) "
                           "VALUES (?1, ?2, ?3, ?4)",
                           values, 4, diag);

        return r < 0 ? r : drop_oldest(store, new, diag);
}

static int add_report(struct store *store, void *arg, struct diag *diag)
{
        struct new_report *new = arg;
        int64_t last = 0;
        int r;

        r = read_counter(store, "report.sequence", &last, diag);
        if (r < 0)
                return r;
        new->sequence = last + 1;
        r = write_counter(store, "report.sequence", new->sequence, diag);
        if (r < 0)
                return r;
        r = store_exec(store, "INSERT OR REPLACE INTO report (id, report) VALUES (1, ?1)",
                       &(struct store_value){.text = new->report->report}, 1, diag);
        if (r >= 0 && new->report->run)
                r = store_put_run(store, new->report->run, diag);
        return r < 0 || !new->report->spool ? r : queue_report(store, new, diag);
}

int store_add_report(struct store *store, const struct store_report *report, int64_t *ret_sequence,
                     size_t *ret_dropped, struct diag *diag)
{
        struct new_report new = {.report = report};
        int r = report->run ? store_check_run(report->run, diag) : 0;

        if (r < 0)
                return r;
        if (strlen(report->report) > STORE_REPORT_MAX_BYTES)
                return diag_fail(diag, -EFBIG, "a report of %zu bytes is longer than %d",
                                 strlen(report->report), STORE_REPORT_MAX_BYTES);
        r = store_transaction(store, add_report, &new, diag);
        if (r < 0)
                return r;
        if (ret_sequence)
                *ret_sequence = new.sequence;
        if (ret_dropped)
                *ret_dropped = new.n_dropped;
        return 0;
}

void spooled_report_done(struct spooled_report *report)
{
        free(report->report);
        free(report->sha256);
        *report = (struct spooled_report){0};
}

static int visit_spooled(sqlite3_stmt *row, void *arg)
{
        struct spooled_report *report = arg;
        const char *sha256 = (const char *)sqlite3_column_text(row, 1);
        int r = store_visit_text(row, &report->report);

        if (r < 0)
                return r;
        report->sha256 = sha256 ? strdup(sha256) : NULL;
        report->sequence = sqlite3_column_int64(row, 2);
        return report->report && report->sha256 ? 0 : -ENOMEM;
}

int store_next_spooled(struct store *store, struct spooled_report *ret, struct diag *diag)
{
        CLEANUP(spooled_report_done) struct spooled_report report = {0};
        int r = store_query(store,
                            "SELECT report, sha256, sequence FROM spool ORDER BY sequence LIMIT 1",
                            NULL, 0, visit_spooled, &report, diag);

        if (r < 0)
                return r;
        if (r == 0)
                return diag_fail(diag, -ENOENT, "%s: the spool is empty", store->path);
        *ret = report;
        report = (struct spooled_report){0};
        return 0;
}

int store_delivered(struct store *store, int64_t sequence, struct diag *diag)
{
        return store_exec(store, "DELETE FROM spool WHERE sequence = ?1",
                          &(struct store_value){.number = &sequence}, 1, diag);
}

int store_spool_size(struct store *store, size_t *ret_reports, int64_t *ret_dropped,
                     struct diag *diag)
{
        struct spool_size size = {0};
        int64_t n_dropped = 0;
        int r;

        r = read_spool_size(store, &size, diag);
        if (r < 0)
                return r;
        r = read_counter(store, "spool.dropped", &n_dropped, diag);
        if (r < 0)
                return r;
        *ret_reports = (size_t)size.n_reports;
        *ret_dropped = n_dropped;
        return 0;
}
