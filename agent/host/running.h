/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the root helper is at work on: running/progress.json in its state, for whoever may read
 * there. The helper holds a write lock on the file while it lives (F_OFD_SETLK), taken before
 * others can open it; looking for that lock takes none, so a reader is never in the way, and what a
 * killed helper left behind counts for nothing.
 */

#include "host/config.h"
#include "report/progress.h"

#define RUNNING_FOLDER "running"
#define RUNNING_FILE   RUNNING_FOLDER "/progress.json"

struct running {
        struct json *json;            /* what the others point into */
        const char *run_id, *trigger; /* never NULL; not only of runs: "refresh", "recover" */
        time_t since;
        struct progress progress;
};
void running_done(struct running *running);

/* 1: something is; 0: nothing is. -EACCES, ...: can't be told. */
int running_read(const struct paths *paths, struct running *ret, struct diag *diag) MUST_CHECK;

/* Adds the members of the file to the open object. */
void running_write(const struct running *running, struct json_writer *writer);
