/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "host/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { MSEC = 1000, SEC = 1000 * MSEC };

/* Runs a script with /bin/sh; argv and bounds are filled in. */
static int run_script(const char *script, struct spawn_request request, struct spawn_result *ret,
                      struct diag *diag)
{
        CLEANUP(strv_done) struct strv argv = {0};
        const char *const words[] = {"/bin/sh", "-c", script};

        assert_int_equal(strv_add_all(&argv, words, ELEMENTSOF(words)), 0);
        request.argv = &argv;
        if (request.output_max_bytes == 0)
                request.output_max_bytes = 4096;
        if (request.timeout_usec == 0)
                request.timeout_usec = 30 * (uint64_t)SEC; /* a hang fails, not stops, the test */
        return spawn_run(&request, ret, diag);
}

static const struct {
        const char *label, *script;
        int exit_code, signal;
        const char *output, *error_output, *description;
} run_cases[] = {
    {"silent", ":", 0, 0, "", "", "exit code 0"},
    {"both outputs", "echo out; echo err >&2; exit 3", 3, 0, "out\n", "err\n", "exit code 3: err"},
    {"last line", "printf 'one\\ntwo\\033\\n\\n' >&2; exit 100", 100, 0, "", "one\ntwo\033\n\n",
     "exit code 100: two\\x1b"},
    {"signal", "kill -TERM $$", -1, SIGTERM, "", "", "killed by signal 15"},
    {"stdin is empty", "cat; echo end", 0, 0, "end\n", "", "exit code 0"},
    {"folder", "pwd", 0, 0, "/\n", "", "exit code 0"},
    {"no environment", "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD=; :", 0, 0, "", "",
     "exit code 0"},
    {"own process group", "read -r p c s pp g rest </proc/self/stat; test $g = $$", 0, 0, "", "",
     "exit code 0"},
};

static void test_run(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(run_cases); i++) {
                CLEANUP(spawn_result_done) struct spawn_result result = {0};
                CLEANUP(freep) char *description = NULL;
                struct diag diag = {0};

                if (run_script(run_cases[i].script, (struct spawn_request){0}, &result, &diag) < 0)
                        fail_msg("%s: %s", run_cases[i].label, diag.text);
                description = spawn_describe(&result);
                if (result.exit_code != run_cases[i].exit_code ||
                    result.signal != run_cases[i].signal || result.timed_out || result.is_cut ||
                    strcmp(result.output.data, run_cases[i].output) != 0 ||
                    strcmp(result.error_output.data, run_cases[i].error_output) != 0 ||
                    strcmp(description, run_cases[i].description) != 0)
                        fail_msg("%s: %s, '%s', '%s'", run_cases[i].label, description,
                                 result.output.data, result.error_output.data);
        }
}

static void test_environment_and_folder(void **state)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        CLEANUP(strv_done) struct strv environment = {0};

        (void)state;
        assert_int_equal(strv_add(&environment, "COLOR=deep red"), 0);
        assert_int_equal(run_script("echo $COLOR; pwd",
                                    (struct spawn_request){.environment = &environment,
                                                           .working_directory = "/usr"},
                                    &result, NULL),
                         0);
        assert_string_equal(result.output.data, "deep red\n/usr\n");
}

static void test_cannot_run(void **state)
{
        static const struct {
                const char *label, *program, *folder;
                int want;
                const char *text;
        } cases[] = {
            {"missing", "/nonexistent/program", NULL, -ENOENT, "/nonexistent/program: cannot run"},
            {"not a program", "/etc/passwd", NULL, -EACCES, "/etc/passwd: cannot run"},
            {"no folder", "/bin/true", "/nonexistent", -ENOENT, "/nonexistent: cannot enter"},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(spawn_result_done) struct spawn_result result = {0};
                CLEANUP(strv_done) struct strv argv = {0};
                struct spawn_request request = {.argv = &argv,
                                                .working_directory = cases[i].folder};
                struct diag diag = {0};
                int r;

                assert_int_equal(strv_add(&argv, cases[i].program), 0);
                r = spawn_run(&request, &result, &diag);
                if (r != cases[i].want || !strstr(diag.text, cases[i].text))
                        fail_msg("%s: %d %s", cases[i].label, r, diag.text);
        }
}

/* No descriptor of ours reaches the child, and it starts with default signals. */
static void test_inherits_nothing(void **state)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        CLEANUP(closep) int leak = open("/dev/null", O_RDONLY); // NOLINT: without O_CLOEXEC
        CLEANUP(closep) int high = fcntl(leak, F_DUPFD, 200);
        sigset_t set, saved;

        (void)state;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, &saved);
        signal(SIGPIPE, SIG_IGN);
        /* Only builtins: the shell blocks signals while it starts a program. */
        assert_int_equal(run_script("cd /proc/self/fd; echo *; while read -r name value; do "
                                    "echo $name $value; done </proc/self/status",
                                    (struct spawn_request){0}, &result, NULL),
                         0);
        signal(SIGPIPE, SIG_DFL);
        sigprocmask(SIG_SETMASK, &saved, NULL);
        /* "3" at most: the shell's own, of reading the folder. */
        if (!str_has_prefix(result.output.data, "0 1 2 3\n") ||
            !strstr(result.output.data, "SigBlk: 0000000000000000") ||
            !strstr(result.output.data, "SigIgn: 0000000000000000"))
                fail_msg("%s", result.output.data);
}

static void test_output_is_cut(void **state)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        struct spawn_request request = {.output_max_bytes = 1000};

        (void)state;
        assert_int_equal(run_script("i=0; while [ $i -lt 20000 ]; do echo line $i; "
                                    "echo line $i >&2; i=$((i+1)); done",
                                    request, &result, NULL),
                         0);
        assert_true(result.is_cut);
        assert_int_equal(result.exit_code, 0);
        assert_int_equal(result.output.size, 1000);
        assert_int_equal(result.error_output.size, 1000);
        assert_memory_equal(result.output.data, "line 0\nline 1\n", 14);
        assert_non_null(strstr(result.error_output.data, "line 19999\n"));
}

static const struct {
        const char *label, *script;
        struct spawn_request request;
        int exit_code, signal;
        const char *output;
} timeout_cases[] = {
    {"SIGTERM ends it and its group",
     "sleep 100 & sleep 100",
     {.timeout_usec = 50 * MSEC},
     -1,
     SIGTERM,
     ""},
    {"its own way to stop",
     "trap 'echo stopping; kill $p; exit 7' INT; sleep 100 & p=$!; wait",
     {.timeout_usec = 300 * MSEC, .timeout_signal = SIGINT},
     7,
     0,
     "stopping\n"},
    {"SIGKILL for who does not listen",
     "trap '' TERM; while :; do sleep 0.01; done",
     {.timeout_usec = 50 * MSEC, .kill_after_usec = 50 * MSEC},
     -1,
     SIGKILL,
     ""},
};

/* Gives NULL when all was as wanted, else what was (the caller frees). */
static char *try_timeout(size_t i, unsigned patience)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        CLEANUP(freep) char *description = NULL;
        struct spawn_request request = timeout_cases[i].request;
        struct diag diag = {0};

        request.timeout_usec *= patience;
        request.kill_after_usec *= patience;
        if (run_script(timeout_cases[i].script, request, &result, &diag) < 0)
                return strdup(diag.text);
        description = spawn_describe(&result);
        if (result.timed_out && result.exit_code == timeout_cases[i].exit_code &&
            result.signal == timeout_cases[i].signal &&
            strcmp(result.output.data, timeout_cases[i].output) == 0 &&
            strstr(description, "timed out after "))
                return NULL;
        return str_format("%d %d '%s' %s", result.exit_code, result.signal, result.output.data,
                          description);
}

/* On a loaded machine the deadline may come before the shell has set its trap: then with more. */
static void test_timeout(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(timeout_cases); i++) {
                char *found = try_timeout(i, 1);

                for (unsigned patience = 4; found && patience <= 64; patience *= 4) {
                        free(found);
                        found = try_timeout(i, patience);
                }
                if (found)
                        fail_msg("%s: %s", timeout_cases[i].label, found);
        }
}

/* A service that was started keeps the pipes: its starter's end is enough. */
static void test_grandchild_keeps_pipes(void **state)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        unsigned long long pid;

        (void)state;
        assert_int_equal(
            run_script("sleep 100 & printf %d $!", (struct spawn_request){0}, &result, NULL), 0);
        assert_int_equal(result.exit_code, 0);
        assert_false(result.timed_out);
        assert_true(result.elapsed_usec < 10 * (uint64_t)SEC);
        assert_int_equal(str_to_uint64(result.output.data, INT32_MAX, &pid), 0);
        assert_int_equal(kill((pid_t)pid, SIGKILL), 0); /* it still ran */
}

static int collect_line(const char *line, void *context)
{
        struct strv *lines = context;

        return strcmp(line, "stop") == 0 ? -ECANCELED : strv_add(lines, line);
}

static void test_status_pipe(void **state)
{
        static const struct {
                const char *label, *script;
                int fd_number, want;
                const char *lines;
        } cases[] = {
            {"lines", "echo a b >&3; echo c >&3; printf last >&3", 3, 0, "a b|c|last"},
            {"another number", "echo seven >&7", 7, 0, "seven"},
            {"nothing", ":", 3, 0, ""},
            {"the caller stops", "echo a >&3; echo stop >&3; echo b >&3", 3, -ECANCELED, "a"},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(spawn_result_done) struct spawn_result result = {0};
                CLEANUP(strv_done) struct strv lines = {0};
                CLEANUP(freep) char *joined = NULL;
                struct spawn_request request = {.status_fd_number = cases[i].fd_number,
                                                .on_status = collect_line,
                                                .context = &lines};
                int r = run_script(cases[i].script, request, &result, NULL);

                assert_int_equal(strv_join(&lines, "|", &joined), 0);
                if (r != cases[i].want || strcmp(joined, cases[i].lines) != 0)
                        fail_msg("%s: %d '%s' '%s'", cases[i].label, r, joined,
                                 result.error_output.data);
        }
}

static void test_long_status_line(void **state)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        CLEANUP(strv_done) struct strv lines = {0};
        struct spawn_request request = {
            .status_fd_number = 3, .on_status = collect_line, .context = &lines};

        (void)state;
        assert_int_equal(run_script("printf %010000d 0 >&3", request, &result, NULL), 0);
        assert_int_equal(lines.n_items, 3);
        assert_int_equal(strlen(lines.items[0]), 4096);
}

/* Only root can become somebody else; the lab's machine has a nobody. */
static void test_other_user(void **state)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        struct diag diag = {0};

        (void)state;
        if (geteuid() != 0)
                skip();
        assert_int_equal(run_script("PATH=/usr/bin:/bin; exec 2>/dev/null; id -u; id -G; "
                                    "while read -r k v; do case $k in NoNewPrivs:|CapEff:) "
                                    "echo $k$v;; esac; done </proc/self/status",
                                    (struct spawn_request){.user = "nobody"}, &result, &diag),
                         0);
        assert_string_equal(result.output.data,
                            "65534\n65534\nCapEff:0000000000000000\nNoNewPrivs:1\n");
}

static void test_no_such_user(void **state)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        struct diag diag = {0};

        (void)state;
        assert_int_equal(
            run_script("id", (struct spawn_request){.user = "no-such-user"}, &result, &diag),
            -ESRCH);
        assert_non_null(strstr(diag.text, "no-such-user"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_run),
            cmocka_unit_test(test_other_user),
            cmocka_unit_test(test_no_such_user),
            cmocka_unit_test(test_environment_and_folder),
            cmocka_unit_test(test_cannot_run),
            cmocka_unit_test(test_inherits_nothing),
            cmocka_unit_test(test_output_is_cut),
            cmocka_unit_test(test_timeout),
            cmocka_unit_test(test_grandchild_keeps_pipes),
            cmocka_unit_test(test_status_pipe),
            cmocka_unit_test(test_long_status_line),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
