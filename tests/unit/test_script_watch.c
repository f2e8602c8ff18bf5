/* SPDX-License-Identifier: Apache-2.0 */
/* Which process is a script that hangs, and who ends with it: on real processes. */
#include "support.h"

#include "folder.h"

#include "apply/packages/script_watch.h"
#include "base/str.h"
#include "host/spawn.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { USEC_PER_SEC = 1000 * 1000 };

/* ---- /proc/PID/stat ---- */

static const struct {
        const char *text;
        struct process expected; /* pid 0: refused */
} stat_cases[] = {
    {"7 (dpkg) S 6 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 9 10",
     {.pid = 7, .parent = 6, .name = "dpkg", .started_ticks = 4242}},
    {"9 (a) R (b) S 8 7 7 0 -1 4194560 1 2 3 4 5 6 -7 8 20 0 1 0 18446744073709551615 9",
     {.pid = 9, .parent = 8, .name = "a) R (b", .started_ticks = UINT64_MAX}},
    {"9 (a-name-far-too-long) S 8 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 1 9",
     {.pid = 9, .parent = 8, .name = "a-name-far-too-", .started_ticks = 1}},
    {"7 (dpkg) S 6 7 7 0 -1", {0}},
    {"7 dpkg S 6", {0}},
    {")(", {0}},
    {"", {0}},
};

static void test_stat(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(stat_cases); i++) {
                const struct process *expected = &stat_cases[i].expected;
                struct process process = {0};

                if (process_parse_stat(stat_cases[i].text, &process) != (expected->pid > 0) ||
                    process.pid != expected->pid || process.parent != expected->parent ||
                    process.started_ticks != expected->started_ticks ||
                    strcmp(process.name, expected->name) != 0)
                        fail_msg("'%s': %d %d '%s' %" PRIu64, stat_cases[i].text, process.pid,
                                 process.parent, process.name, process.started_ticks);
        }
}

/* A number that belongs to another process now is nobody's. */
static void test_hold(void **state)
{
        CLEANUP(processes_done) struct processes all = {0};
        const struct process *found;
        struct process other;
        int pidfd;

        (void)state;
        assert_int_equal(processes_read("/proc", &all, NULL), 0);
        found = processes_find(&all, getpid());
        assert_non_null(found);
        assert_int_equal(found->parent, getppid());
        assert_true(process_age_usec(found) < 3600ULL * USEC_PER_SEC);
        pidfd = process_hold("/proc", found);
        assert_true(pidfd >= 0);
        (void)close(pidfd);
        other = *found;
        other.started_ticks--;
        assert_int_equal(process_hold("/proc", &other), -ESRCH);
        assert_int_equal(processes_read("/nowhere", &all, NULL), -ENOENT);
}

/* ---- scripts ---- */

static const char *const name_cases[][2] = {
    {"/var/lib/dpkg/info/other.postinst", "other.postinst"},
    {"/var/lib/dpkg/info/libc6:amd64.postrm", "libc6.postrm"},
    {"/var/lib/dpkg/info/python3.11.prerm", "python3.11.prerm"},
    {"/var/lib/dpkg/tmp.ci/preinst", "preinst"},
    {"/var/lib/dpkg/info/other.config", NULL},
    {"/var/lib/dpkg/info/postinst", NULL},
    {"/var/lib/dpkg/info/a/b.postinst", NULL},
    {"/var/lib/dpkg/tmp.ci/control", NULL},
    {"/tmp/other.postinst", NULL},
    {"configure", NULL},
    {"", NULL},
};

static void test_name(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(name_cases); i++) {
                CLEANUP(freep) char *name = backend_apt.script_name(name_cases[i][0]);

                if (!str_equal(name, name_cases[i][1]))
                        fail_msg("%s: %s", name_cases[i][0], name ?: "none");
        }
}

/* ---- ending ---- */

struct world {
        struct script_watch watch;
        char name[64];
        int n_hangs;
};

static void note_hang(const char *name, uint64_t age_usec, void *context)
{
        struct world *world = context;

        (void)snprintf(world->name, sizeof(world->name), "%s", name);
        assert_true(age_usec >= world->watch.limit_usec);
        world->n_hangs++;
}

static uint64_t look(pid_t pid, void *context)
{
        struct world *world = context;

        return script_watch_look(&world->watch, pid);
}

/* A process is named as its program's file, so that a shell in a file named dpkg is one. */
static void run_manager(struct world *world, const char *script, struct spawn_result *ret)
{
        CLEANUP(strv_done) struct strv argv = {0};
        const char *const words[] = {"/bin/sh", "-c", script};
        struct spawn_request request = {.argv = &argv,
                                        .timeout_usec = 30ULL * USEC_PER_SEC,
                                        .kill_after_usec = USEC_PER_SEC,
                                        .output_max_bytes = 4096,
                                        .on_tick = look,
                                        .context = world};
        struct diag diag = {0};

        world->watch.on_hang = note_hang;
        world->watch.context = world;
        assert_int_equal(strv_add_all(&argv, words, ELEMENTSOF(words)), 0);
        if (spawn_run(&request, ret, &diag) < 0)
                fail_msg("%s", diag.text);
        script_watch_finish(&world->watch);
}

static const struct {
        const char *label, *body; /* of the script */
        const char *said;         /* by the manager, of how the script ended */
        int n_hangs;
} ending_cases[] = {
    {"quick", "sleep 0.1", "0\n", 0},
    {"waits for its children",
     "sleep 1000 & echo $! >$F/pids; sleep 1001 & echo $! >>$F/pids; wait", "143\n", 1},
    {"does not listen", "trap '' TERM; echo $$ >$F/pids; while :; do sleep 0.05; done", "137\n", 1},
    {"child does not listen", "(trap '' TERM; sleep 1000) & echo $! >$F/pids; wait", "143\n", 1},
    {"keeps starting more",
     "trap '' TERM; echo $$ >$F/pids; "
     "while :; do sleep 1000 & echo $! >>$F/pids; sleep 0.02; done",
     "137\n", 1},
};

/* Dead ones that init has not reaped yet have no command line. */
static bool is_running(pid_t pid)
{
        CLEANUP(strv_done) struct strv arguments = {0};

        assert_int_equal(process_arguments("/proc", pid, &arguments), 0);
        return arguments.n_items > 0;
}

static void check_gone(void *folder, const char *label)
{
        CLEANUP(freep) char *path = folder_path(folder, "pids");
        FILE *file = fopen(path, "re");
        pid_t pid;

        while (file && fscanf(file, "%d", &pid) == 1)
                for (int i = 0; is_running(pid); i++) {
                        if (i == 200)
                                fail_msg("%s: %d still runs", label, pid);
                        (void)usleep(10000);
                }
        if (file)
                (void)fclose(file);
}

static void test_ending(void **state)
{
        const char *folder = *state;
        CLEANUP(freep)
        char *command = str_format("cp /bin/sh %s/dpkg; %s/dpkg -c 'sh %s/script "
                                   "/var/lib/dpkg/info/other.postinst; echo $?'; :",
                                   folder, folder, folder);

        for (size_t i = 0; i < ELEMENTSOF(ending_cases); i++) {
                CLEANUP(spawn_result_done) struct spawn_result result = {0};
                CLEANUP(freep)
                char *script =
                    str_format("F=%s\nrm -f $F/pids\n%s\n", folder, ending_cases[i].body);
                struct world world = {0};

                folder_write(*state, "script", script);
                script_watch_init(&world.watch, "/proc", &backend_apt, USEC_PER_SEC / 2);
                world.watch.grace_usec = USEC_PER_SEC / 2;
                run_manager(&world, command, &result);
                if (world.n_hangs != ending_cases[i].n_hangs || result.timed_out ||
                    !result.output.data || strcmp(result.output.data, ending_cases[i].said) != 0 ||
                    (world.n_hangs > 0 && strcmp(world.name, "other.postinst") != 0))
                        fail_msg("%s: %d of '%s', said '%s'", ending_cases[i].label, world.n_hangs,
                                 world.name, result.output.data ?: "");
                check_gone(*state, ending_cases[i].label);
                script_watch_done(&world.watch);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_stat),
            cmocka_unit_test(test_hold),
            cmocka_unit_test(test_name),
            cmocka_unit_test_setup_teardown(test_ending, folder_setup, folder_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
