/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Writing running/progress.json (host/running.h reads it). Never on disk on purpose (no fsync), and
 * no run fails because it can't be written.
 */

#include "host/running.h"

struct progress_file {
        char *path, *temporary; /* NULL: not begun */
        char *run_id, *trigger;
        time_t since;
        int fd;     /* of the file in place, locked */
        char *said; /* all of it but the numbers that change by themselves */
        uint64_t written_usec;
};

/* Something begins that others may want to follow, under the run lock. */
void progress_file_begin(struct progress_file *file, const struct paths *paths, const char *run_id,
                         const char *trigger, time_t since);

/* Writes at once what has a new state, step, package or text; else at most once a second. */
void progress_file_write(struct progress_file *file, const struct progress *progress);

/* Takes the file away; before the run lock is let go. Does nothing when none was begun. */
void progress_file_end(struct progress_file *file);
