/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "base/strv.h"
#include "folder.h"
#include "host/files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_content(const char *path, const char *want)
{
        CLEANUP(blob_done) struct blob blob = {0};
        struct diag diag = {0};

        if (files_read(path, 1024, true, &blob, &diag) < 0)
                fail_msg("%s", diag.text);
        assert_string_equal(blob.data, want);
        assert_int_equal(blob.size, strlen(want));
}

static void test_write_and_read(void **state)
{
        CLEANUP(freep) char *path = folder_path(*state, "file");
        struct stat st;

        assert_int_equal(files_write_atomic(path, "one", 3, 0640, NULL), 0);
        assert_content(path, "one");
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);

        assert_int_equal(files_write_atomic(path, "", 0, 0600, NULL), 0);
        assert_content(path, "");
        assert_int_equal(folder_count(*state), 1); /* no temporary file stays */
}

static void test_write_fails(void **state)
{
        CLEANUP(freep) char *in_nothing = folder_path(*state, "no/file");
        CLEANUP(freep) char *folder = folder_path(*state, "folder");
        struct diag diag = {0};

        assert_int_equal(files_write_atomic(in_nothing, "x", 1, 0600, &diag), -ENOENT);
        assert_non_null(strstr(diag.text, "/no: cannot open the folder"));

        diag_clear(&diag);
        assert_int_equal(mkdir(folder, 0700), 0);
        assert_int_equal(files_write_atomic(folder, "x", 1, 0600, &diag), -EISDIR);
        assert_non_null(strstr(diag.text, "/folder: cannot write"));
        assert_int_equal(folder_count(*state), 1);
}

static void test_create(void **state)
{
        CLEANUP(freep) char *path = folder_path(*state, "id");
        struct diag diag = {0};

        assert_int_equal(files_create(path, "first", 5, 0600, &diag), 0);
        assert_int_equal(files_create(path, "second", 6, 0600, &diag), -EEXIST);
        assert_non_null(strstr(diag.text, "/id: "));
        assert_content(path, "first");
        assert_int_equal(folder_count(*state), 1);
}

static void test_append(void **state)
{
        CLEANUP(freep) char *path = folder_path(*state, "log");
        CLEANUP(freep) char *link = folder_path(*state, "link");
        struct diag diag = {0};

        assert_int_equal(files_append_line(path, "one", 0600, NULL), 0);
        assert_int_equal(files_append_line(path, "two", 0600, NULL), 0);
        assert_content(path, "one\ntwo\n");

        /* A crash cut the last line: the next one starts anew. */
        assert_int_equal(truncate(path, 6), 0);
        assert_int_equal(files_append_line(path, "three", 0600, NULL), 0);
        assert_content(path, "one\ntw\nthree\n");

        assert_int_equal(files_append_line(path, "a\nb", 0600, NULL), -EINVAL);
        assert_int_equal(symlink("log", link), 0);
        assert_int_equal(files_append_line(link, "x", 0600, &diag), -ELOOP);
        assert_content(path, "one\ntw\nthree\n");
}

static void test_read_bounds(void **state)
{
        static const struct {
                const char *label;
                size_t size, max;
                int want;
        } cases[] = {
            {"at the bound", 100, 100, 0},        {"one above", 101, 100, -EFBIG},
            {"empty, bound 0", 0, 0, 0},          {"one byte, bound 0", 1, 0, -EFBIG},
            {"above a step", 200000, 1 << 20, 0},
        };
        CLEANUP(freep) char *path = folder_path(*state, "file");
        CLEANUP(freep) char *bytes = calloc(1, 200000);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(blob_done) struct blob blob = {0};
                struct diag diag = {0};
                int r;

                assert_int_equal(files_write_atomic(path, bytes, cases[i].size, 0600, NULL), 0);
                r = files_read(path, cases[i].max, true, &blob, &diag);
                if (r != cases[i].want || (r == 0 && blob.size != cases[i].size))
                        fail_msg("%s: %d %s", cases[i].label, r, diag.text);
        }
}

static void test_read_kinds(void **state)
{
        CLEANUP(freep) char *link = folder_path(*state, "link");
        CLEANUP(freep) char *file = folder_path(*state, "file");
        CLEANUP(freep) char *fifo = folder_path(*state, "fifo");
        CLEANUP(blob_done) struct blob blob = {0};

        assert_int_equal(files_read(file, 10, false, &blob, NULL), -ENOENT);
        assert_int_equal(files_write_atomic(file, "x", 1, 0600, NULL), 0);
        assert_int_equal(symlink("file", link), 0);
        assert_int_equal(mkfifo(fifo, 0600), 0);

        assert_int_equal(files_read(link, 10, true, &blob, NULL), -ELOOP);
        assert_int_equal(files_read(*state, 10, false, &blob, NULL), -EISDIR);
        assert_int_equal(files_read(fifo, 10, true, &blob, NULL), -EINVAL);
        assert_int_equal(files_read("/dev/zero", 10, false, &blob, NULL), -EFBIG);
        assert_null(blob.data);
        assert_int_equal(files_read(link, 10, false, &blob, NULL), 0);
        blob_done(&blob);
        /* Files of /proc tell no size. */
        assert_int_equal(files_read("/proc/self/status", 1 << 20, false, &blob, NULL), 0);
        assert_true(blob.size > 100);
}

static void test_list_and_remove(void **state)
{
        static const char *const names[] = {"b.json", "a.json", "c.txt"};
        CLEANUP(strv_done) struct strv list = {0};
        CLEANUP(freep) char *missing = folder_path(*state, "missing");
        CLEANUP(freep) char *below_missing = folder_path(*state, "missing/x");

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                CLEANUP(freep) char *path = folder_path(*state, names[i]);

                assert_int_equal(files_write_atomic(path, "", 0, 0600, NULL), 0);
        }
        assert_int_equal(files_list(*state, ".json", 2, &list, NULL), 0);
        assert_int_equal(list.n_items, 2);
        assert_string_equal(list.items[0], "a.json");
        strv_done(&list);
        assert_int_equal(files_list(*state, NULL, 2, &list, NULL), -EFBIG);
        assert_int_equal(files_list(missing, NULL, 2, &list, NULL), 0);
        assert_int_equal(list.n_items, 0);

        for (int i = 0; i < 2; i++) {
                CLEANUP(freep) char *path = folder_path(*state, "a.json");

                assert_int_equal(files_remove(path, NULL), 0);
        }
        assert_int_equal(folder_count(*state), 2);
        assert_int_equal(files_remove(below_missing, NULL), 0);
}

static void test_root_owned(void **state)
{
        static const struct {
                const char *label, *path, *want;
        } cases[] = {
            {"a folder that all may write", "/tmp/x", "/tmp: others than root may write it"},
            {"relative", "etc/passwd", "is not an absolute path"},
            {"dots", "/etc/../etc/passwd", "has '..'"},
            {"missing", "/etc/patchd-is-not-here", "/etc/patchd-is-not-here: cannot open"},
            {"a folder", "/etc", "/etc: is not a regular file"},
            {"the root", "/", "is not an absolute path of a file"},
            {"a file as folder", "/etc/passwd/x", "/etc/passwd/x: cannot open"},
        };
        CLEANUP(blob_done) struct blob blob = {0};
        struct diag diag = {0};

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int r;

                diag_clear(&diag);
                r = files_read_root_owned(cases[i].path, 1 << 20, &blob, &diag);
                if (r >= 0 || !strstr(diag.text, cases[i].want))
                        fail_msg("%s: %d %s", cases[i].label, r, diag.text);
        }
        if (files_read_root_owned("/etc/passwd", 1 << 20, &blob, &diag) < 0)
                fail_msg("%s", diag.text);
        assert_true(blob.size > 0);
        blob_done(&blob);
        assert_int_equal(files_read_root_owned("//etc//passwd", 1, &blob, NULL), -EFBIG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_write_and_read, folder_setup, folder_teardown),
            cmocka_unit_test_setup_teardown(test_write_fails, folder_setup, folder_teardown),
            cmocka_unit_test_setup_teardown(test_create, folder_setup, folder_teardown),
            cmocka_unit_test_setup_teardown(test_append, folder_setup, folder_teardown),
            cmocka_unit_test_setup_teardown(test_read_bounds, folder_setup, folder_teardown),
            cmocka_unit_test_setup_teardown(test_read_kinds, folder_setup, folder_teardown),
            cmocka_unit_test_setup_teardown(test_list_and_remove, folder_setup, folder_teardown),
            cmocka_unit_test(test_root_owned),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
