/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The processes of this machine as proc(5) shows them, and signals that can't reach the wrong one.
 */

#include "base/diag.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
        pid_t pid, parent;
        char name[16];          /* of the program as it was started, cut: "dpkg" */
        uint64_t started_ticks; /* since the boot; with the pid it names a process for ever */
};

struct processes {
        struct process *items;
        size_t n_items;
};

void processes_done(struct processes *processes);

/* proc is the folder, /proc. What ends meanwhile is left out. */
int processes_read(const char *proc, struct processes *ret, struct diag *diag) MUST_CHECK;

/* The text of /proc/PID/stat. False: it is none. */
bool process_parse_stat(const char *text, struct process *ret);

/* NULL: there is none. */
const struct process *processes_find(const struct processes *processes, pid_t pid);

/* The command line; none for a process that is gone or has none. */
int process_arguments(const char *proc, pid_t pid, struct strv *ret) MUST_CHECK;

/* How long it has run, suspension of the machine included. */
uint64_t process_age_usec(const struct process *process);

/* A descriptor that stands for this very process, else -ESRCH; the caller closes it. */
int process_hold(const char *proc, const struct process *process) MUST_CHECK;

/* One that has ended gets nothing. */
void process_signal(int pidfd, int signal);
