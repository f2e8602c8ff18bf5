/* SPDX-License-Identifier: Apache-2.0 */
#include "host/store-private.h"

#include <string.h>

DEFINE_CLEANUP(sqlite3_stmt, sqlite3_finalize);

static const struct {
        int code; /* of sqlite */
        int error;
        const char *sentence;
} failures[] = {
    {SQLITE_FULL, -ENOSPC, "the disk is full; nothing was changed"},
    {SQLITE_BUSY, -EBUSY, "another process keeps it locked"},
    {SQLITE_LOCKED, -EBUSY, "another process keeps it locked"},
    {SQLITE_CORRUPT, -EUCLEAN, "is damaged; it is moved aside and a new one begun"},
    {SQLITE_NOTADB, -EUCLEAN, "is damaged; it is moved aside and a new one begun"},
    {SQLITE_NOMEM, -ENOMEM, "out of memory"},
    {SQLITE_READONLY, -EROFS, "can not be written"},
    {SQLITE_TOOBIG, -EFBIG, "the value is too large"},
    {SQLITE_PERM, -EACCES, "permission denied"},
};

static bool is_out_of_space(int error)
{
        return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

int store_fail(struct store *store, struct diag *diag)
{
        int code = sqlite3_errcode(store->db) & 0xff;
        int error = sqlite3_system_errno(store->db);

        if ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && is_out_of_space(error))
                code = SQLITE_FULL;
        if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
                store->is_damaged = true;
        for (size_t i = 0; i < ELEMENTSOF(failures); i++)
                if (failures[i].code == code)
                        return diag_fail(diag, failures[i].error, "%s: %s", store->path,
                                         failures[i].sentence);
        return diag_fail(diag, error > 0 ? -error : -EIO, "%s: %s%s%s", store->path,
                         sqlite3_errmsg(store->db), error > 0 ? ": " : "",
                         error > 0 ? strerror(error) : "");
}

static int bind(sqlite3_stmt *statement, int at, const struct store_value *value)
{
        if (value->number)
                return sqlite3_bind_int64(statement, at, *value->number);
        if (value->bytes)
                return sqlite3_bind_blob64(statement, at, value->bytes->data ?: "",
                                           value->bytes->size, SQLITE_STATIC);
        if (value->text)
                return sqlite3_bind_text64(statement, at, value->text, strlen(value->text),
                                           SQLITE_STATIC, SQLITE_UTF8);
        return sqlite3_bind_null(statement, at);
}

int store_query(struct store *store, const char *sql, const struct store_value *values, size_t n,
                int (*visit)(sqlite3_stmt *row, void *arg), void *arg, struct diag *diag)
{
        CLEANUP(sqlite3_finalizep) sqlite3_stmt *statement = NULL;
        int n_rows = 0, code, r;

        if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK)
                return store_fail(store, diag);
        for (size_t i = 0; i < n; i++)
                if (bind(statement, (int)i + 1, &values[i]) != SQLITE_OK)
                        return store_fail(store, diag);
        while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
                n_rows++;
                r = visit ? visit(statement, arg) : 0;
                if (r < 0)
                        return r;
        }
        return code == SQLITE_DONE ? n_rows : store_fail(store, diag);
}

int store_exec(struct store *store, const char *sql, const struct store_value *values, size_t n,
               struct diag *diag)
{
        int r = store_query(store, sql, values, n, NULL, NULL, diag);

        return r < 0 ? r : 0;
}

int store_visit_number(sqlite3_stmt *row, void *arg)
{
        *(int64_t *)arg = sqlite3_column_int64(row, 0);
        return 0;
}

int store_visit_text(sqlite3_stmt *row, void *arg)
{
        const char *text = (const char *)sqlite3_column_text(row, 0);
        char *copy;

        if (!text)
                return sqlite3_column_type(row, 0) == SQLITE_NULL ? 0 : -ENOMEM;
        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        free(*(char **)arg);
        *(char **)arg = copy;
        return 0;
}

int store_transaction(struct store *store,
                      int (*change)(struct store *store, void *arg, struct diag *diag), void *arg,
                      struct diag *diag)
{
        int r;

        r = store_exec(store, "BEGIN IMMEDIATE", NULL, 0, diag);
        if (r < 0)
                return r;
        r = change(store, arg, diag);
        if (r >= 0)
                r = store_exec(store, "COMMIT", NULL, 0, diag);
        if (r < 0 && sqlite3_get_autocommit(store->db) == 0)
                (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL); /* r says why */
        return r;
}
