/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whether the next step fits in what is left of the window, and what carrying it out teaches:
 * estimates.json in the helper's state. Losing the file costs nothing but better estimates.
 */

#include "apply/run/run.h"

/* Fills run->estimates and run->reserve_seconds. -ENOMEM. */
int pace_load(struct run *run) MUST_CHECK;

/* "" when what takes so long may start now; else why not (owned; NULL: out of memory). */
char *pace_stop_reason(const struct run *run, int64_t msec);

int64_t pace_now_msec(void); /* on a clock that nobody sets */

/* A step that began at that time did what it should. -ENOMEM. */
int pace_learn(struct run *run, const struct plan_step *step, int64_t began_msec) MUST_CHECK;
