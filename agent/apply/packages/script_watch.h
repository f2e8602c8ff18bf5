/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A maintainer script that hangs is ended, with all that it has started and nothing else: the
 * package manager itself is never sent a signal, so it sees a script that failed and deals with
 * that. What is measured is the script's own time, not that of the call.
 *
 * A script that hung once in this process gets only some seconds when the package manager starts it
 * again, which apt and dpkg do at each of the calls that follow.
 */

#include "base/strv.h"
#include "host/backends/backend.h"
#include "host/processes.h"

#include <stdint.h>

struct script_watch {
        const char *proc;              /* "/proc" */
        const struct backend *backend; /* which processes are scripts */
        uint64_t limit_usec;           /* of one script */
        uint64_t grace_usec;           /* from SIGTERM to SIGKILL */

        /* Once for each script that is ended: its name as the backend's script_name(). */
        void (*on_hang)(const char *name, uint64_t age_usec, void *context);
        void *context;

        /* What runs now. */
        struct process script; /* pid 0: none */
        char *name;
        uint64_t deadline_usec; /* CLOCK_MONOTONIC: time that the machine slept does not count */
        bool is_ending;

        /* What was told to end. */
        struct script_member *members;
        size_t n_members;
        uint64_t kill_at_usec;

        struct strv hung; /* names */
        bool is_blind;    /* /proc can't be read, and that was said */
};

void script_watch_init(struct script_watch *watch, const char *proc, const struct backend *backend,
                       uint64_t limit_usec);
void script_watch_done(struct script_watch *watch);

/* To be called while the package manager (pid) runs; gives the microseconds until the next call. */
uint64_t script_watch_look(struct script_watch *watch, pid_t pid);

/* The package manager has ended; what was told to end has no more time. */
void script_watch_finish(struct script_watch *watch);
