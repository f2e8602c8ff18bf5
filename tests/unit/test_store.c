/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "folder.h"
#include "host/store-private.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static struct store *open_store(const char *folder)
{
        struct store *store = NULL;
        struct diag diag = {0};

        if (store_open(folder, false, &store, NULL, &diag) < 0)
                fail_msg("%s", diag.text);
        return store;
}

static int add_report(struct store *store, const char *report, bool spool, int64_t *ret_sequence,
                      size_t *ret_dropped, struct diag *diag)
{
        const struct store_report new = {.report = report, .sha256 = "s", .spool = spool};

        return store_add_report(store, &new, ret_sequence, ret_dropped, diag);
}

static int add_run(struct store *store, const char *run_id, time_t started_at, const char *outcome,
                   struct diag *diag)
{
        const struct store_run run = {run_id, outcome, started_at};

        return store_add_run(store, &run, diag);
}

static void test_values(void **state)
{
        CLEANUP(store_closep) struct store *store = open_store(*state);
        CLEANUP(freep) char *none = NULL, *value = NULL;

        assert_int_equal(store_get(store, "etag", &none, NULL), 0);
        assert_null(none);
        assert_int_equal(store_set(store, "etag", "\"a\"", NULL), 0);
        assert_int_equal(store_set(store, "etag", "\"b\"", NULL), 0);
        assert_int_equal(store_get(store, "etag", &value, NULL), 0);
        assert_string_equal(value, "\"b\"");
        assert_int_equal(store_set(store, "etag", NULL, NULL), 0);
        assert_int_equal(store_get(store, "etag", &none, NULL), 0);
        assert_null(none);
}

static void test_policy_survives_reopen(void **state)
{
        struct store *store = open_store(*state);
        struct blob bytes = {.data = (char *)"a\0b", .size = 3}, kept = {0};
        CLEANUP(freep) char *etag = NULL;

        assert_int_equal(store_get_policy(store, &kept, NULL, NULL), -ENOENT);
        assert_int_equal(store_set_policy(store, &bytes, "\"x\"", NULL), 0);
        store_close(store);
        store = open_store(*state);
        assert_int_equal(store_get_policy(store, &kept, &etag, NULL), 0);
        assert_int_equal(kept.size, 3);
        assert_memory_equal(kept.data, "a\0b", 3);
        assert_string_equal(etag, "\"x\"");
        blob_done(&kept);
        store_close(store);
}

/* ---- reports ---- */

static void test_reports(void **state)
{
        CLEANUP(store_closep) struct store *store = open_store(*state);
        CLEANUP(spooled_report_done) struct spooled_report spooled = {0};
        CLEANUP(freep) char *report = NULL;
        int64_t sequence = 0, n_dropped_ever = 0;
        size_t n_dropped = 0, n_reports = 0;

        assert_int_equal(store_get_report(store, &report, NULL), -ENOENT);
        assert_int_equal(store_next_sequence(store), 1);
        assert_int_equal(add_report(store, "{\"n\":1}", true, &sequence, &n_dropped, NULL), 0);
        assert_int_equal(sequence, 1);
        assert_int_equal(add_report(store, "{\"n\":2}", false, &sequence, &n_dropped, NULL), 0);
        assert_int_equal(sequence, 2);
        assert_int_equal(n_dropped, 0);
        assert_int_equal(store_next_sequence(store), 3);
        assert_int_equal(store_get_report(store, &report, NULL), 0);
        assert_string_equal(report, "{\"n\":2}");
        assert_int_equal(store_spool_size(store, &n_reports, &n_dropped_ever, NULL), 0);
        assert_int_equal(n_reports, 1);
        assert_int_equal(store_next_spooled(store, &spooled, NULL), 0);
        assert_int_equal(spooled.sequence, 1);
        assert_string_equal(spooled.report, "{\"n\":1}");
        assert_string_equal(spooled.sha256, "s");
        assert_int_equal(store_delivered(store, 1, NULL), 0);
        spooled_report_done(&spooled);
        assert_int_equal(store_next_spooled(store, &spooled, NULL), -ENOENT);
}

/* The oldest go, the newest stays, and it is counted. */
static void check_bound(struct store *store, const char *report, size_t n_added, size_t want_kept)
{
        CLEANUP(spooled_report_done) struct spooled_report oldest = {0};
        int64_t sequence = 0, n_dropped_ever = 0;
        size_t n_dropped = 0, n_dropped_all = 0, n_reports = 0;

        for (size_t i = 0; i < n_added; i++) {
                assert_int_equal(add_report(store, report, true, &sequence, &n_dropped, NULL), 0);
                n_dropped_all += n_dropped;
        }
        assert_int_equal(store_spool_size(store, &n_reports, &n_dropped_ever, NULL), 0);
        assert_int_equal(n_reports, want_kept);
        assert_int_equal(n_dropped_all, n_added - want_kept);
        assert_int_equal(n_dropped_ever, n_added - want_kept);
        assert_int_equal(store_next_spooled(store, &oldest, NULL), 0);
        assert_int_equal(oldest.sequence, sequence - (int64_t)want_kept + 1);
}

static void test_spool_count_bound(void **state)
{
        CLEANUP(store_closep) struct store *store = open_store(*state);

        /* five hundred fsyncs would be most of this test's time */
        assert_int_equal(store_exec(store, "PRAGMA synchronous=OFF", NULL, 0, NULL), 0);
        check_bound(store, "{}", STORE_SPOOL_MAX_REPORTS + 3, STORE_SPOOL_MAX_REPORTS);
}

static char *long_text(size_t size)
{
        char *text = malloc(size + 1);

        assert_non_null(text);
        memset(text, 'x', size);
        text[size] = '\0';
        return text;
}

static void test_spool_byte_bound(void **state)
{
        CLEANUP(store_closep) struct store *store = open_store(*state);
        CLEANUP(freep) char *report = long_text(7 * 1024 * 1024);

        check_bound(store, report, 6, 4);
}

static void test_too_long_report(void **state)
{
        CLEANUP(store_closep) struct store *store = open_store(*state);
        CLEANUP(freep) char *report = long_text(8 * 1024 * 1024 + 1);
        int64_t sequence = 0;

        assert_int_equal(add_report(store, report, true, &sequence, NULL, NULL), -EFBIG);
        assert_int_equal(store_next_sequence(store), 1);
}

/* ---- history ---- */

static void test_history(void **state)
{
        CLEANUP(store_closep) struct store *store = open_store(*state);
        CLEANUP(strv_done) struct strv runs = {0};
        CLEANUP(freep) char *last = NULL, *one = NULL, *none = NULL;

        assert_int_equal(store_get_run(store, NULL, &none, NULL), -ENOENT);
        assert_int_equal(add_run(store, "b", 20, "{\"r\":\"b\"}", NULL), 0);
        assert_int_equal(add_run(store, "a", 10, "{\"r\":\"a\"}", NULL), 0);
        assert_int_equal(add_run(store, "c", 30, "{\"r\":\"c\"}", NULL), 0);
        assert_int_equal(add_run(store, "a", 10, "{\"r\":\"a2\"}", NULL), 0);
        assert_int_equal(store_get_run(store, NULL, &last, NULL), 0);
        assert_string_equal(last, "{\"r\":\"c\"}");
        assert_int_equal(store_get_run(store, "a", &one, NULL), 0);
        assert_string_equal(one, "{\"r\":\"a2\"}");
        assert_int_equal(store_get_run(store, "x", &none, NULL), -ENOENT);
        assert_true(store_has_run(store, "b"));
        assert_false(store_has_run(store, "x"));
        assert_int_equal(store_list_runs(store, 2, &runs, NULL), 0);
        assert_int_equal(runs.n_items, 2);
        assert_string_equal(runs.items[1], "{\"r\":\"b\"}");
}

static void test_history_byte_bound(void **state)
{
        CLEANUP(store_closep) struct store *store = open_store(*state);
        CLEANUP(freep) char *outcome = long_text(1024 * 1024);
        CLEANUP(strv_done) struct strv runs = {0};

        for (time_t i = 1; i <= 12; i++) {
                CLEANUP(freep) char *run_id = str_format("run-%02d", (int)i);

                assert_int_equal(add_run(store, run_id, i, outcome, NULL), 0);
        }
        assert_int_equal(store_list_runs(store, SIZE_MAX, &runs, NULL), 0);
        assert_int_equal(runs.n_items, 8);
        assert_true(store_has_run(store, "run-12"));
        assert_true(store_has_run(store, "run-05"));
        assert_false(store_has_run(store, "run-04"));
}

/* ---- trouble ---- */

static void write_file(const char *folder, const char *name, const char *text)
{
        CLEANUP(freep) char *path = str_format("%s/%s", folder, name);
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static bool has_file(const char *folder, const char *name)
{
        CLEANUP(freep) char *path = str_format("%s/%s", folder, name);

        return access(path, F_OK) == 0;
}

static void test_damaged_file(void **state)
{
        struct store *store = NULL;
        bool damaged = false;

        for (int i = 1; i <= 7; i++) { /* more often than aside files are kept */
                write_file(*state, "patchd.sqlite",
                           "this is no database, and longer than a header "
                           "of sqlite, which is one hundred bytes long.");
                write_file(*state, "patchd.sqlite-journal", "old");
                assert_int_equal(store_open(*state, true, &store, &damaged, NULL), -EUCLEAN);
                assert_int_equal(store_open(*state, false, &store, &damaged, NULL), 0);
                assert_true(damaged);
                assert_int_equal(store_set(store, "a", "b", NULL), 0);
                store_close(store);
        }
        assert_true(has_file(*state, "patchd.sqlite.damaged-1"));
        assert_true(has_file(*state, "patchd.sqlite.damaged-5"));
        assert_false(has_file(*state, "patchd.sqlite.damaged-6"));
        assert_int_equal(store_open(*state, false, &store, &damaged, NULL), 0);
        assert_false(damaged);
        store_close(store);
}

static void test_cut_file(void **state)
{
        CLEANUP(freep) char *path = str_format("%s/patchd.sqlite", (char *)*state);
        struct store *store = open_store(*state);
        bool damaged = false;

        store_close(store);
        assert_int_equal(truncate(path, 4096 + 100), 0);
        assert_int_equal(store_open(*state, false, &store, &damaged, NULL), 0);
        assert_true(damaged);
        store_close(store);
}

/* Pages behind the first, overwritten: only use shows it. */
static void test_damage_in_use(void **state)
{
        CLEANUP(freep) char *path = str_format("%s/patchd.sqlite", (char *)*state);
        CLEANUP(freep) char *text = long_text(100000);
        CLEANUP(freep) char *report = NULL;
        struct store *store = open_store(*state);
        struct diag diag = {0};
        FILE *file;

        assert_int_equal(add_report(store, text, false, NULL, NULL, NULL), 0);
        store_close(store);
        file = fopen(path, "r+");
        assert_non_null(file);
        assert_int_equal(fseek(file, 4096, SEEK_SET), 0);
        for (size_t i = 0; i < 50000; i++)
                assert_int_equal(fputc(0x5a, file), 0x5a);
        assert_int_equal(fclose(file), 0);
        store = open_store(*state);
        assert_int_equal(store_get_report(store, &report, &diag), -EUCLEAN);
        assert_non_null(strstr(diag.text, "patchd.sqlite: is damaged"));
        store_close(store);
        assert_true(has_file(*state, "patchd.sqlite.damaged-1"));
        store = open_store(*state);
        assert_int_equal(store_get_report(store, &report, NULL), -ENOENT);
        store_close(store);
}

static void test_foreign_database(void **state)
{
        struct store *store = open_store(*state);
        bool damaged = false;

        store_close(store);
        write_file(*state, "patchd.sqlite", ""); /* empty is new, not damaged */
        assert_int_equal(store_open(*state, true, &store, &damaged, NULL), -ENOENT);
        assert_int_equal(store_open(*state, false, &store, &damaged, NULL), 0);
        assert_false(damaged);
        store_close(store);
}

static void test_read_only(void **state)
{
        struct store *store = NULL;
        struct diag diag = {0};

        assert_int_equal(store_open(*state, true, &store, NULL, &diag), -ENOENT);
        assert_false(has_file(*state, "patchd.sqlite"));
        store_close(open_store(*state));
        assert_int_equal(store_open(*state, true, &store, NULL, NULL), 0);
        assert_int_equal(store_set(store, "a", "b", NULL), -EROFS);
        store_close(store);
        assert_int_equal(store_open("/nonexistent", false, &store, NULL, &diag), -ENOENT);
}

/* A limit on the size of files is the full disk of a test without root. */
static void test_full_disk(void **state)
{
        CLEANUP(store_closep) struct store *store = open_store(*state);
        CLEANUP(freep) char *text = long_text(1024 * 1024), *report = NULL;
        struct rlimit before, small = {.rlim_cur = 300 * 1024};
        struct diag diag = {0};
        int64_t sequence = 77;
        int r;

        assert_int_equal(add_report(store, "{}", true, NULL, NULL, NULL), 0);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        small.rlim_max = before.rlim_max;
        assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        r = add_report(store, text, true, &sequence, NULL, &diag);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(r, -ENOSPC);
        assert_non_null(strstr(diag.text, "the disk is full"));
        assert_int_equal(sequence, 77);
        assert_int_equal(store_next_sequence(store), 2);
        assert_int_equal(store_get_report(store, &report, NULL), 0);
        assert_string_equal(report, "{}");
        assert_int_equal(add_report(store, text, true, &sequence, NULL, NULL), 0);
        assert_int_equal(sequence, 2);
}

/* A later patchd has been here: what it added is passed over and stays, nothing is taken for
 * damage. */
static void test_newer_file(void **state)
{
        static const char added[] = "CREATE TABLE later (id INTEGER PRIMARY KEY);"
                                    "ALTER TABLE run ADD COLUMN later TEXT;"
                                    "PRAGMA user_version = 99;";
        struct store *store = open_store(*state);
        CLEANUP(store_closep) struct store *reader = NULL;
        CLEANUP(freep) char *report = NULL;
        int64_t version = 0, sequence = 0;
        bool is_damaged = true;

        assert_int_equal(add_report(store, "{}", true, &sequence, NULL, NULL), 0);
        assert_int_equal(sqlite3_exec(store->db, added, NULL, NULL, NULL), SQLITE_OK);
        store_close(store);
        assert_int_equal(store_open(*state, false, &store, &is_damaged, NULL), 0);
        assert_false(is_damaged);
        assert_int_equal(add_report(store, "{}", true, &sequence, NULL, NULL), 0);
        assert_int_equal(sequence, 2);
        assert_int_equal(
            store_query(store, "PRAGMA user_version", NULL, 0, store_visit_number, &version, NULL),
            1);
        assert_int_equal(version, 99);
        store_close(store);
        assert_int_equal(store_open(*state, true, &reader, NULL, NULL), 0);
        assert_int_equal(store_get_report(reader, &report, NULL), 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
            IN_FOLDER(test_values),           IN_FOLDER(test_policy_survives_reopen),
            IN_FOLDER(test_reports),          IN_FOLDER(test_spool_count_bound),
            IN_FOLDER(test_spool_byte_bound), IN_FOLDER(test_too_long_report),
            IN_FOLDER(test_history),          IN_FOLDER(test_history_byte_bound),
            IN_FOLDER(test_damaged_file),     IN_FOLDER(test_cut_file),
            IN_FOLDER(test_damage_in_use),    IN_FOLDER(test_foreign_database),
            IN_FOLDER(test_read_only),        IN_FOLDER(test_full_disk),
            IN_FOLDER(test_newer_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
