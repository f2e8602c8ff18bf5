/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a run is, in the same names wherever it is told: intermediate replies of org.patchd.apply,
 * org.patchd.cycle and org.patchd.agent, and running/progress.json of the helper.
 */

#include "base/json.h"

/* Texts are borrowed. Start from progress_of(): 0 is a known percent. */
struct progress {
        const char *state;               /* a word: "downloading", "installing", ... */
        const char *text;                /* a sentence for people */
        const char *package;             /* being worked on; NULL: none, or not known */
        int64_t percent;                 /* of the whole run, 0 to 100; -1: not known */
        int64_t step, n_steps;           /* the step in hand, from 1, of so many; 0: none yet */
        int64_t bytes_done, bytes_total; /* of a download, as measured on disk; -1: none */
};

/* Nothing known but these. */
struct progress progress_of(const char *state, const char *text);

/* Adds what is known to the open object. */
void progress_write(const struct progress *progress, struct json_writer *writer);

/* The text of an object of nothing else; the caller frees. NULL: out of memory. */
char *progress_to_text(const struct progress *progress);

/* Lenient: what is absent, or makes no sense, is not known; state and text are "" then. Borrows
 * from the object. */
struct progress progress_read(const struct json *object);

/* ---- percent ---- */

enum { PROGRESS_WHOLE = 10000 }; /* a run in hundredths of a percent */

/* Many calls that count from 0 to 100 each become one count that never goes back. All 0 is the
 * beginning of a run. */
struct progress_meter {
        int64_t from, to; /* the part of the run that is in hand, of PROGRESS_WHOLE */
        int64_t highest;
};

/* The part from..to begins. */
void progress_meter_enter(struct progress_meter *meter, int64_t from, int64_t to);

/* So much of the part is done; gives the percent of the run. */
int64_t progress_meter_reach(struct progress_meter *meter, int64_t done, int64_t total);
