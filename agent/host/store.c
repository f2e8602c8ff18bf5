/* SPDX-License-Identifier: Apache-2.0 */
#include "host/store-private.h"

#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum {
        WRITER_TIMEOUT_MSEC = 10000,
        READER_TIMEOUT_MSEC = 2000, /* an event loop stands still meanwhile */
        DAMAGED_FILES_MAX = 5,
};

/*
 * Statements that lead from version i to i + 1. They only ever add tables and columns: an older
 * patchd (after a rollback of itself) goes on with a newer file as it is.
 */
static const char *const migrations[] = {
    "CREATE TABLE value (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE policy (id INTEGER PRIMARY KEY CHECK (id = 1), etag TEXT, bytes BLOB NOT NULL);"
    "CREATE TABLE report (id INTEGER PRIMARY KEY CHECK (id = 1), report TEXT NOT NULL);"
    "CREATE TABLE spool (sequence INTEGER PRIMARY KEY, size_bytes INTEGER NOT NULL,"
    "                    sha256 TEXT NOT NULL, report TEXT NOT NULL);"
    "CREATE TABLE run (run_id TEXT PRIMARY KEY, started_at INTEGER NOT NULL,"
    "                  size_bytes INTEGER NOT NULL, outcome TEXT NOT NULL);"
    "CREATE INDEX run_started_at ON run (started_at, run_id);"
    "PRAGMA user_version = 1;",
};

/* A rollback journal that is truncated: one file to fsync, and no -shm that a reader would have to
 * write. synchronous=FULL makes a commit survive a power loss. */
static const char settings[] = "PRAGMA journal_mode=TRUNCATE;"
                               "PRAGMA synchronous=FULL;"
                               "PRAGMA trusted_schema=OFF;"
                               "PRAGMA cell_size_check=ON;"
                               "PRAGMA temp_store=MEMORY;"
                               "PRAGMA cache_size=-512;";

/* ---- opening ---- */

static int open_file(struct store *store, struct diag *diag)
{
        CLEANUP(closep) int fd = -EBADF;

        fd = open(store->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (store->read_only ? 0 : O_CREAT),
                  0600);
        if (fd < 0)
                return diag_fail(diag, -errno, "%s: cannot open: %m", store->path);
        /* Also a reader may write: it has to roll a crashed writer's journal back. */
        if (sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                            NULL) != SQLITE_OK)
                return store->db ? store_fail(store, diag) : -ENOMEM;
        (void)sqlite3_busy_timeout(store->db,
                                   store->read_only ? READER_TIMEOUT_MSEC : WRITER_TIMEOUT_MSEC);
        return 0;
}

static int read_version(struct store *store, int64_t *ret, struct diag *diag)
{
        return store_query(store, "PRAGMA user_version", NULL, 0, store_visit_number, ret, diag);
}

/* Whether the tables are there, and readable as far as their names. */
static int check_tables(struct store *store, struct diag *diag)
{
        static const char probe[] = "SELECT 1 FROM value, policy, report, spool, run LIMIT 0";
        sqlite3_stmt *statement = NULL;
        int code = sqlite3_prepare_v2(store->db, probe, -1, &statement, NULL);

        (void)sqlite3_finalize(statement);
        if (code == SQLITE_ERROR)
                return diag_fail(diag, -EUCLEAN, "%s: %s", store->path, sqlite3_errmsg(store->db));
        return code == SQLITE_OK ? 0 : store_fail(store, diag);
}

static int migrate(struct store *store, void *arg, struct diag *diag)
{
        int64_t version = 0;
        int r;

        (void)arg;
        r = read_version(store, &version, diag); /* again: another process may have been faster */
        if (r < 0)
                return r;
        for (int64_t i = version; i < (int64_t)ELEMENTSOF(migrations); i++)
                if (sqlite3_exec(store->db, migrations[i], NULL, NULL, NULL) != SQLITE_OK)
                        return store_fail(store, diag);
        return 0;
}

static int prepare_file(struct store *store, struct diag *diag)
{
        int64_t version = 0;
        int r;

        if (sqlite3_exec(store->db, settings, NULL, NULL, NULL) != SQLITE_OK)
                return store_fail(store, diag);
        r = read_version(store, &version, diag);
        if (r < 0)
                return r;
        if (version < 0)
                return diag_fail(diag, -EUCLEAN, "%s: has no version", store->path);
        if (store->read_only && version == 0)
                return diag_fail(diag, -ENOENT, "%s: is still empty", store->path);
        if (!store->read_only && version < (int64_t)ELEMENTSOF(migrations)) {
                r = store_transaction(store, migrate, NULL, diag);
                if (r < 0)
                        return r;
        }
        if (store->read_only)
                r = store_exec(store, "PRAGMA query_only=ON", NULL, 0, diag);
        return r < 0 ? r : check_tables(store, diag);
}

static int try_open(const char *state_folder, bool read_only, struct store **ret, struct diag *diag)
{
        CLEANUP(store_closep) struct store *store = calloc(1, sizeof(*store));
        int r;

        if (!store)
                return -ENOMEM;
        store->read_only = read_only;
        store->folder = strdup(state_folder);
        store->path = str_format("%s/patchd.sqlite", state_folder);
        if (!store->folder || !store->path)
                return -ENOMEM;
        r = open_file(store, diag);
        if (r < 0)
                return r;
        r = prepare_file(store, diag);
        if (r < 0) {
                store->is_damaged = false; /* store_open() decides */
                return r;
        }
        *ret = TAKE_PTR(store);
        return 0;
}

/* ---- damage ---- */

static int free_damaged_name(const char *path, char **ret)
{
        for (int i = 1; i <= DAMAGED_FILES_MAX; i++) {
                CLEANUP(freep) char *name = str_format("%s.damaged-%d", path, i);

                if (!name)
                        return -ENOMEM;
                if (i == DAMAGED_FILES_MAX || access(name, F_OK) < 0) {
                        *ret = TAKE_PTR(name);
                        return 0;
                }
        }
        return -ENOMEM; /* not reached: the last name is always taken */
}

/* With its journal, which would otherwise be rolled back into the new file. */
static int move_aside(const char *path, struct diag *diag)
{
        CLEANUP(freep) char *name = NULL, *journal = NULL, *journal_name = NULL;
        int r;

        r = free_damaged_name(path, &name);
        if (r < 0)
                return r;
        journal = str_format("%s-journal", path);
        journal_name = str_format("%s-journal", name);
        if (!journal || !journal_name)
                return -ENOMEM;
        if (rename(journal, journal_name) < 0 && errno != ENOENT)
                return diag_fail(diag, -errno, "%s: cannot move it aside: %m", journal);
        if (rename(path, name) < 0 && errno != ENOENT)
                return diag_fail(diag, -errno, "%s: cannot move it aside: %m", path);
        return 0;
}

/* Under a lock, and only what is still damaged: another process may have replaced it already. */
static int replace_damaged(const char *state_folder, struct store **ret, struct diag *diag)
{
        CLEANUP(closep) int lock_fd = open(state_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CLEANUP(freep) char *path = str_format("%s/patchd.sqlite", state_folder);
        int r;

        if (!path)
                return -ENOMEM;
        if (lock_fd < 0 || flock(lock_fd, LOCK_EX) < 0)
                return diag_fail(diag, -errno, "%s: cannot lock: %m", state_folder);
        r = try_open(state_folder, false, ret, NULL);
        if (r != -EUCLEAN)
                return r;
        r = move_aside(path, diag);
        if (r < 0)
                return r;
        return try_open(state_folder, false, ret, diag);
}

int store_open(const char *state_folder, bool read_only, struct store **ret, bool *ret_damaged,
               struct diag *diag)
{
        struct diag damage = {0};
        int r = try_open(state_folder, read_only, ret, &damage);
        bool is_damaged = r == -EUCLEAN;

        if (is_damaged && !read_only) {
                diag_clear(&damage);
                r = replace_damaged(state_folder, ret, &damage);
        }
        if (r < 0)
                return diag_fail(diag, r, "%s", diag_text(&damage, r));
        if (ret_damaged)
                *ret_damaged = is_damaged;
        return 0;
}

void store_close(struct store *store)
{
        if (!store)
                return;
        (void)sqlite3_close(store->db);
        if (store->is_damaged && !store->read_only)
                (void)move_aside(store->path, NULL); /* store_open() will find it otherwise */
        free(store->folder);
        free(store->path);
        free(store);
}

/* ---- values ---- */

int store_get(struct store *store, const char *key, char **ret, struct diag *diag)
{
        CLEANUP(freep) char *value = NULL;
        int r = store_query(store, "SELECT value FROM value WHERE key = ?1",
                            &(struct store_value){.text = key}, 1, store_visit_text, &value, diag);

        if (r < 0)
                return r;
        *ret = TAKE_PTR(value);
        return 0;
}

int store_set(struct store *store, const char *key, const char *value, struct diag *diag)
{
        const struct store_value values[] = {{.text = key}, {.text = value}};

        if (!value)
                return store_exec(store, "DELETE FROM value WHERE key = ?1", values, 1, diag);
        return store_exec(store, "INSERT OR REPLACE INTO value (key, value) VALUES (?1, ?2)",
                          values, 2, diag);
}

/* ---- the policy ---- */

struct kept_policy {
        struct blob bytes;
        char *etag;
};

static void kept_policy_done(struct kept_policy *policy)
{
        blob_done(&policy->bytes);
        free(policy->etag);
}

static int visit_policy(sqlite3_stmt *row, void *arg)
{
        struct kept_policy *policy = arg;
        const void *bytes = sqlite3_column_blob(row, 1);
        int r = store_visit_text(row, &policy->etag);

        if (r < 0)
                return r;
        return blob_copy(&policy->bytes, bytes, (size_t)sqlite3_column_bytes(row, 1));
}

int store_get_policy(struct store *store, struct blob *ret, char **ret_etag, struct diag *diag)
{
        CLEANUP(kept_policy_done) struct kept_policy policy = {0};
        int r = store_query(store, "SELECT etag, bytes FROM policy", NULL, 0, visit_policy, &policy,
                            diag);

        if (r < 0)
                return r;
        if (r == 0)
                return diag_fail(diag, -ENOENT, "%s: no policy is kept yet", store->path);
        *ret = policy.bytes;
        policy.bytes = (struct blob){0};
        if (ret_etag)
                *ret_etag = TAKE_PTR(policy.etag);
        return 0;
}

int store_forget_policy(struct store *store, struct diag *diag)
{
        return store_exec(store, "DELETE FROM policy", NULL, 0, diag);
}

int store_set_policy(struct store *store, const struct blob *bytes, const char *etag,
                     struct diag *diag)
{
        const struct store_value values[] = {{.text = etag}, {.bytes = bytes}};

        return store_exec(store,
                          "INSERT OR REPLACE INTO policy (id, etag, bytes) VALUES (1, ?1, ?2)",
                          values, 2, diag);
}
