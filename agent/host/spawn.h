/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The only fork and exec. A child gets an argv (never a shell), an environment made from nothing,
 * /dev/null as its input, a process group of its own and a deadline; its output is captured up to a
 * bound. SIGTERM to us never reaches it by itself: the caller decides. What it leaves running (a
 * restarted service) is not waited for.
 */

#include "base/blob.h"
#include "base/diag.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct spawn_request {
        const struct strv *argv;        /* argv[0] is an absolute path */
        const struct strv *environment; /* "NAME=value"; NULL: empty */
        const char *working_directory;  /* NULL: / */
        const char *user;         /* runs as him, with his groups, and stays so; NULL: as we do */
        uint64_t timeout_usec;    /* 0: none; afterwards timeout_signal, then as below */
        int timeout_signal;       /* to the program alone (SIGINT is apt's graceful stop);
                                     0: SIGTERM to its whole process group */
        uint64_t kill_after_usec; /* SIGKILL to the group so long after that; 0: never */
        size_t output_max_bytes;  /* of each: stdout keeps its begin, stderr its end */
        int status_fd_number;     /* when > 2: a pipe the child writes there, see on_status */
        /* For each line of that pipe, long ones in pieces. A negative value ends the calls, not the
         * child, and is what spawn_run() returns. */
        int (*on_status)(const char *line, void *context);
        /* While it runs: called at once, and again so many microseconds later as it says. */
        uint64_t (*on_tick)(pid_t pid, void *context);
        void *context;
};

struct spawn_result {
        struct blob output;       /* stdout */
        struct blob error_output; /* stderr */
        bool is_cut;              /* output was longer than the bound */
        int exit_code;            /* -1 when it did not exit */
        int signal;               /* that ended it; 0: none */
        bool timed_out;
        uint64_t elapsed_usec;
};

void spawn_result_done(struct spawn_result *result);

/* Runs to the end. Gives 0 whatever the child's exit code was; negative only when it could not be
 * run (-ENOENT: no such program) or watched. */
int spawn_run(const struct spawn_request *request, struct spawn_result *ret,
              struct diag *diag) MUST_CHECK;

/* "exit code 100", "killed by signal 15", "timed out after 300 s", with the last line of stderr;
 * the caller frees; NULL when out of memory. */
char *spawn_describe(const struct spawn_result *result);
