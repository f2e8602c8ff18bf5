/* SPDX-License-Identifier: Apache-2.0 */
#include "host/processes.h"

#include "base/str.h"
#include "host/files.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
        STAT_MAX_BYTES = 4096,
        ARGUMENTS_MAX_BYTES = 1024 * 1024,
        USEC_PER_SEC = 1000 * 1000,
        GROW_BY = 256,
};

void processes_done(struct processes *processes)
{
        free(processes->items);
        *processes = (struct processes){0};
}

/* The name stands in brackets and may hold brackets and blanks itself. */
bool process_parse_stat(const char *text, struct process *ret)
{
        const char *open = strchr(text, '('), *close = strrchr(text, ')');
        struct process process = {0};
        size_t length;

        if (!open || !close || close < open || sscanf(text, "%d", &process.pid) != 1)
                return false;
        length = (size_t)(close - open - 1);
        if (length >= sizeof(process.name))
                length = sizeof(process.name) - 1;
        memcpy(process.name, open + 1, length);
        /* Fields 3 and 4, then 22. */
        if (sscanf(close + 1,
                   " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
                   "%" SCNu64,
                   &process.parent, &process.started_ticks) != 2)
                return false;
        *ret = process;
        return true;
}

static int read_file(const char *proc, pid_t pid, const char *name, size_t max_bytes,
                     struct blob *ret)
{
        CLEANUP(freep) char *path = str_format("%s/%d/%s", proc, pid, name);

        return path ? files_read(path, max_bytes, false, ret, NULL) : -ENOMEM;
}

/* -ESRCH: it has ended. */
static int read_one(const char *proc, pid_t pid, struct process *ret)
{
        CLEANUP(blob_done) struct blob text = {0};
        int r = read_file(proc, pid, "stat", STAT_MAX_BYTES, &text);

        if (r == -ENOMEM)
                return r;
        return r >= 0 && process_parse_stat(text.data, ret) ? 0 : -ESRCH;
}

static int add_process(struct processes *processes, const struct process *process)
{
        if (processes->n_items % GROW_BY == 0) {
                struct process *items =
                    realloc(processes->items, (processes->n_items + GROW_BY) * sizeof(*items));

                if (!items)
                        return -ENOMEM;
                processes->items = items;
        }
        processes->items[processes->n_items++] = *process;
        return 0;
}

static void close_folder(DIR **folder)
{
        if (*folder)
                (void)closedir(*folder);
}

int processes_read(const char *proc, struct processes *ret, struct diag *diag)
{
        CLEANUP(close_folder) DIR *folder = opendir(proc);
        CLEANUP(processes_done) struct processes processes = {0};
        const struct dirent *entry;

        if (!folder)
                return diag_fail(diag, -errno, "%s: cannot see the processes: %s", proc,
                                 strerrordesc_np(errno));
        while ((entry = readdir(folder))) {
                struct process process;
                int r;

                if (!isdigit((unsigned char)entry->d_name[0]))
                        continue;
                r = read_one(proc, (pid_t)strtol(entry->d_name, NULL, 10), &process);
                if (r >= 0)
                        r = add_process(&processes, &process);
                if (r == -ENOMEM)
                        return r;
        }
        *ret = processes;
        processes = (struct processes){0};
        return 0;
}

const struct process *processes_find(const struct processes *processes, pid_t pid)
{
        for (size_t i = 0; i < processes->n_items; i++)
                if (processes->items[i].pid == pid)
                        return &processes->items[i];
        return NULL;
}

int process_arguments(const char *proc, pid_t pid, struct strv *ret)
{
        CLEANUP(blob_done) struct blob text = {0};
        CLEANUP(strv_done) struct strv arguments = {0};
        int r = read_file(proc, pid, "cmdline", ARGUMENTS_MAX_BYTES, &text);

        if (r == -ENOMEM)
                return r;
        r = 0;
        for (size_t at = 0; r >= 0 && at < text.size; at += strlen(text.data + at) + 1)
                r = strv_add(&arguments, text.data + at);
        if (r < 0)
                return r;
        *ret = arguments;
        arguments = (struct strv){0};
        return 0;
}

uint64_t process_age_usec(const struct process *process)
{
        uint64_t ticks_per_sec = (uint64_t)sysconf(_SC_CLK_TCK), started, now_usec;
        struct timespec now;

        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        now_usec = (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
        started = process->started_ticks / ticks_per_sec * USEC_PER_SEC +
                  process->started_ticks % ticks_per_sec * USEC_PER_SEC / ticks_per_sec;
        return now_usec > started ? now_usec - started : 0;
}

int process_hold(const char *proc, const struct process *process)
{
        int pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
        struct process found;
        int r;

        if (pidfd < 0)
                return -errno;
        /* Only now is the number bound, so only now can it be told whose it is. */
        r = read_one(proc, process->pid, &found);
        if (r >= 0 && found.started_ticks == process->started_ticks)
                return pidfd;
        (void)close(pidfd);
        return r == -ENOMEM ? r : -ESRCH;
}

void process_signal(int pidfd, int signal)
{
        (void)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}
