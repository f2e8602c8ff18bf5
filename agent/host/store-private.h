/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between the store's own files only: statements, transactions and what sqlite's failures mean. */

#include "host/store.h"

#include <sqlite3.h>

enum {
        STORE_REPORT_MAX_BYTES = 8 * 1024 * 1024,
        STORE_OUTCOME_MAX_BYTES = 2 * 1024 * 1024,
        STORE_HISTORY_MAX_BYTES = 8 * 1024 * 1024,
};

struct store {
        sqlite3 *db;
        char *folder;
        char *path;
        bool read_only;
        bool is_damaged; /* seen in use: store_close() moves the file aside */
};

/* A parameter of a statement: bytes as a blob, text, or the number. */
struct store_value {
        const char *text;         /* may be NULL: null, unless one of the others is set */
        const struct blob *bytes; /* borrowed */
        const int64_t *number;
};

/* What the last failure of sqlite means as an errno, with a sentence. */
int store_fail(struct store *store, struct diag *diag);

/* Runs one statement that gives no rows. */
int store_exec(struct store *store, const char *sql, const struct store_value *values, size_t n,
               struct diag *diag) MUST_CHECK;

/* Runs a query; visit is called for every row and may stop with a negative result. Gives the number
 * of rows. */
int store_query(struct store *store, const char *sql, const struct store_value *values, size_t n,
                int (*visit)(sqlite3_stmt *row, void *arg), void *arg,
                struct diag *diag) MUST_CHECK;

/* Visitors for a single column: an int64_t *, or a char ** (owned by the caller; NULL for null). */
int store_visit_number(sqlite3_stmt *row, void *arg);
int store_visit_text(sqlite3_stmt *row, void *arg);

/* A run into the history, within a transaction; what it must hold is checked before one begins. */
int store_check_run(const struct store_run *run, struct diag *diag) MUST_CHECK;
int store_put_run(struct store *store, const struct store_run *run, struct diag *diag) MUST_CHECK;

/* All of change happens, or nothing of it. */
int store_transaction(struct store *store,
                      int (*change)(struct store *store, void *arg, struct diag *diag), void *arg,
                      struct diag *diag) MUST_CHECK;
