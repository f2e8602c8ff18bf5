/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

/*
 * What the host's effects do on a real full disk, a real journal socket and with the real
 * journalctl. Everything is mounted in a mount namespace of this program's own; needs root.
 */

#include "base/str.h"
#include "folder.h"
#include "host/event.h"
#include "host/files.h"
#include "host/log.h"
#include "host/policy_source.h"
#include "host/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>

enum { SKIPPED = 77, SMALL_DISK_BYTES = 64 * 1024 };

static void assert_content(const char *path, const char *want)
{
        CLEANUP(blob_done) struct blob blob = {0};
        struct diag diag = {0};

        if (files_read(path, SMALL_DISK_BYTES, true, &blob, &diag) < 0)
                fail_msg("%s", diag.text);
        assert_string_equal(blob.data, want);
}

static int mount_small_disk(void **state)
{
        if (folder_setup(state) < 0)
                return -1;
        return mount("tmpfs", *state, "tmpfs", 0, "size=64k,mode=0700");
}

static int unmount_small_disk(void **state)
{
        return umount(*state) < 0 ? -1 : folder_teardown(state);
}

static void test_full_disk(void **state)
{
        CLEANUP(freep)
        char *big = calloc(1, SMALL_DISK_BYTES), *path = folder_path(*state, "state");
        CLEANUP(freep) char *log = folder_path(*state, "log"), *id = folder_path(*state, "id");
        struct diag diag = {0};

        assert_int_equal(files_write_atomic(path, "old", 3, 0600, &diag), 0);
        assert_int_equal(files_append_line(log, "one", 0600, &diag), 0);

        assert_int_equal(files_write_atomic(path, big, SMALL_DISK_BYTES, 0600, &diag), -ENOSPC);
        assert_non_null(strstr(diag.text, "/state: cannot write: No space left on device"));
        assert_int_equal(files_create(id, big, SMALL_DISK_BYTES, 0600, NULL), -ENOSPC);
        memset(big, 'x', SMALL_DISK_BYTES - 1);
        assert_int_equal(files_append_line(log, big, 0600, NULL), -ENOSPC);

        assert_content(path, "old");
        assert_content(log, "one\n");
        assert_int_equal(access(id, F_OK), -1);
        assert_int_equal(folder_count(*state), 2); /* no temporary file holds on to the space */

        /* And there is room again. */
        assert_int_equal(files_write_atomic(path, "new", 3, 0600, &diag), 0);
        assert_int_equal(files_append_line(log, "two", 0600, &diag), 0);
        assert_content(path, "new");
        assert_content(log, "one\ntwo\n");
}

/* A folder below a root-owned one is trusted only while nobody else may write it. */
static void test_root_owned(void **state)
{
        CLEANUP(blob_done) struct blob blob = {0};
        struct diag diag = {0};

        (void)state;
        assert_int_equal(mount("tmpfs", "/mnt", "tmpfs", 0, "mode=0755"), 0);
        assert_int_equal(mkdir("/mnt/folder", 0755), 0);
        assert_int_equal(files_write_atomic("/mnt/folder/file", "x", 1, 0644, NULL), 0);
        assert_int_equal(symlink("folder", "/mnt/link"), 0);

        assert_int_equal(files_read_root_owned("/mnt/folder/file", 9, &blob, &diag), 0);
        assert_int_equal(files_read_root_owned("/mnt/link/file", 9, &blob, &diag), -EPERM);
        assert_non_null(strstr(diag.text, "/mnt/link: is a symbolic link"));
        diag_clear(&diag);
        assert_int_equal(chmod("/mnt/folder", 01777), 0);
        assert_int_equal(files_read_root_owned("/mnt/folder/file", 9, &blob, &diag), -EPERM);
        assert_non_null(strstr(diag.text, "/mnt/folder: others than root may write it"));
        diag_clear(&diag);
        assert_int_equal(chmod("/mnt/folder", 0755), 0);
        assert_int_equal(chown("/mnt/folder/file", 65534, 0), 0);
        assert_int_equal(files_read_root_owned("/mnt/folder/file", 9, &blob, &diag), -EPERM);
        assert_non_null(strstr(diag.text, "/mnt/folder/file: belongs to user 65534"));
        assert_int_equal(umount("/mnt"), 0);
}

/* The policy that the package ships, where the package puts it; and one of the admin's own. */
static void test_plain_policy(void **state)
{
        CLEANUP(freep)
        char *source = str_format("%s/packaging/default-policy.json", getenv("PATCHD_SOURCE"));
        const struct paths paths = {
            .etc = "/mnt/etc", .share = "/mnt", .zoneinfo = default_paths.zoneinfo};
        struct config config = {.threshold = 1};
        CLEANUP(policy_freep) struct policy *shipped = NULL, *own = NULL, *other = NULL;
        CLEANUP(blob_done) struct blob text = {0};
        struct diag diag = {0};

        (void)state;
        if (files_read(source, 1 << 20, false, &text, &diag) < 0)
                fail_msg("%s", diag.text);
        assert_int_equal(mount("tmpfs", "/mnt", "tmpfs", 0, "mode=0755"), 0);
        assert_int_equal(policy_source_load(&paths, &config, 0, &shipped, &diag), -ENOENT);
        diag_clear(&diag);
        assert_int_equal(
            files_write_atomic("/mnt/default-policy.json", text.data, text.size, 0644, &diag), 0);
        if (policy_source_load(&paths, &config, 0, &shipped, &diag) < 0)
                fail_msg("%s", diag.text);
        assert_int_equal(shipped->assignments[0].mode, MODE_SCAN);

        config.policy_url = (char *)"file:///mnt/{policy_id}-policy.json";
        config.policy_id = (char *)"default";
        assert_int_equal(policy_source_load(&paths, &config, 0, &own, &diag), 0);
        assert_false(own->is_signed);
        config.policy_url = (char *)"file:///mnt/default-policy.json";
        config.policy_id = (char *)"acme";
        assert_int_equal(policy_source_load(&paths, &config, 0, &other, &diag), -EBADMSG);
        assert_int_equal(umount("/mnt"), 0);
}

/* A socket where the journal's is. */
static int bind_journal(void)
{
        const struct sockaddr_un address = {.sun_family = AF_UNIX,
                                            .sun_path = "/run/systemd/journal/socket"};
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_true(fd >= 0);
        assert_int_equal(mkdir("/run/systemd", 0755), 0);
        assert_int_equal(mkdir("/run/systemd/journal", 0755), 0);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

static void test_journal(void **state)
{
        const struct event_fields fields = {.package = "openssl", .reason = "two\nlines"};
        CLEANUP(closep) int terminal = dup(STDERR_FILENO);
        CLEANUP(closep) int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        CLEANUP(closep) int journal = -EBADF;
        char datagram[8192] = "";

        (void)state;
        assert_int_equal(mount("tmpfs", "/run", "tmpfs", 0, "mode=0755"), 0);
        journal = bind_journal();
        assert_int_equal(dup2(null, STDERR_FILENO), STDERR_FILENO);
        log_open("patchd-test", LOG_LEVEL_NOTICE);
        log_line(LOG_LEVEL_INFO, "not seen");
        log_event(EVENT_PACKAGE_FAILED, &fields);
        assert_int_equal(dup2(terminal, STDERR_FILENO), STDERR_FILENO);

        assert_true(recv(journal, datagram, sizeof(datagram) - 1, 0) > 0);
        assert_non_null(strstr(datagram, "PATCHD_PACKAGE=openssl\n"));
        assert_non_null(strstr(datagram, "SYSLOG_IDENTIFIER=patchd-test\n"));
        assert_non_null(strstr(datagram, " reason=two\\x0alines\n"));
        assert_null(strstr(datagram, "CODE_FILE"));
        assert_int_equal(recv(journal, datagram, sizeof(datagram), 0), -1);
        assert_int_equal(umount2("/run", MNT_DETACH), 0);
}

/* journalctl itself takes the catalog and gives each entry back. */
static void run_journalctl(const char *root, const char *action, struct spawn_result *ret)
{
        CLEANUP(strv_done) struct strv argv = {0};
        CLEANUP(freep) char *option = str_format("--root=%s", root);
        const char *const words[] = {"/usr/bin/journalctl", option, action};
        struct spawn_request request = {.argv = &argv, .output_max_bytes = 1 << 20};
        struct diag diag = {0};

        assert_int_equal(strv_add_all(&argv, words, ELEMENTSOF(words)), 0);
        if (spawn_run(&request, ret, &diag) < 0)
                fail_msg("%s", diag.text);
        if (ret->exit_code != 0)
                fail_msg("%s", ret->error_output.data);
}

static void test_catalog(void **state)
{
        CLEANUP(freep)
        char *source = str_format("%s/packaging/patchd.catalog", getenv("PATCHD_SOURCE"));
        CLEANUP(spawn_result_done) struct spawn_result updated = {0}, dumped = {0};
        CLEANUP(blob_done) struct blob catalog = {0};
        struct diag diag = {0};

        if (files_read(source, 1 << 20, false, &catalog, &diag) < 0)
                fail_msg("%s", diag.text);
        folder_write(*state, "usr/lib/systemd/catalog/patchd.catalog", catalog.data);
        folder_write(*state, "var/lib/systemd/catalog/.keep", "");
        run_journalctl(*state, "--update-catalog", &updated);
        assert_string_equal(updated.error_output.data, "");

        run_journalctl(*state, "--dump-catalog", &dumped);
        for (int i = 0; i < N_EVENTS; i++)
                if (!strstr(dumped.output.data, event_message_id((enum event)i)))
                        fail_msg("%s is not in the database", event_name((enum event)i));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_full_disk, mount_small_disk, unmount_small_disk),
            cmocka_unit_test(test_root_owned),
            cmocka_unit_test(test_plain_policy),
            cmocka_unit_test(test_journal),
            cmocka_unit_test_setup_teardown(test_catalog, folder_setup, folder_teardown),
        };

        if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return SKIPPED;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
