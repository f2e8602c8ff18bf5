/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "folder.h"
#include "host/archive.h"
#include "host/files.h"

#include <fcntl.h>
#include <string.h>

static int collect(const char *bytes, size_t size, void *arg, struct diag *diag)
{
        (void)diag;
        str_append_n(arg, bytes, size);
        return 0;
}

static void round_trip(const char *folder, const char *bytes, size_t size, struct blob *packed)
{
        CLEANUP(freep) char *path = str_format("%s/packed", folder);
        CLEANUP(closep) int fd = -EBADF;
        CLEANUP(str_done) struct str unpacked = {0};

        assert_int_equal(archive_gzip(bytes, size, packed, NULL), 0);
        assert_int_equal(files_write_atomic(path, packed->data, packed->size, 0600, NULL), 0);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(archive_read_stream(fd, true, 1 << 20, collect, &unpacked, NULL), 0);
        assert_int_equal(unpacked.length, size);
        if (size > 0)
                assert_memory_equal(unpacked.data, bytes, size);
}

static void test_gzip(void **state)
{
        char same[300000], noise[70000];
        unsigned seed = 1;

        memset(same, 'a', sizeof(same));
        for (size_t i = 0; i < sizeof(noise); i++) {
                seed = seed * 1103515245 + 12345;
                noise[i] = (char)(seed >> 16);
        }
        const struct {
                const char *label, *bytes;
                size_t size, max_size;
        } cases[] = {
            {"short", "{}", 2, 100},
            {"one kind of byte", same, sizeof(same), 2000},
            {"noise", noise, sizeof(noise), sizeof(noise) + 200},
        };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(blob_done) struct blob first = {0};
                CLEANUP(blob_done) struct blob second = {0};

                round_trip(*state, cases[i].bytes, cases[i].size, &first);
                round_trip(*state, cases[i].bytes, cases[i].size, &second);
                if (first.size > cases[i].max_size)
                        fail_msg("%s: %zu bytes", cases[i].label, first.size);
                assert_int_equal(first.size, second.size);
                assert_memory_equal(first.data, second.data, first.size);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_gzip, folder_setup, folder_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
