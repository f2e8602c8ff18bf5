/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The outcome of a run: begun with the plan, ended with what is proven, on disk before the reply.
 */

#include "apply/run/run.h"
#include "host/log.h"

/* Makes run->outcome, then run->items and its packages from run->plan. */
int record_begin(struct run *run, time_t now) MUST_CHECK;
int record_plan(struct run *run) MUST_CHECK;

/* The text of the reply of an outcome; the caller frees. record_answer() makes it run->answer. */
int record_reply(const struct outcome *outcome, char **ret) MUST_CHECK;
int record_answer(struct run *run, const struct outcome *outcome) MUST_CHECK;

/* A run that does not start: the reply, and nothing on disk. */
int record_refusal(struct run *run, const char *reason) MUST_CHECK;

/* Every package failed for one reason. */
int record_fail_all(struct run *run, const char *reason) MUST_CHECK;

/* Writes the outcome, closes the intent (unless a reboot is awaited) and makes the reply. */
int record_finish(struct run *run, struct diag *diag) MUST_CHECK;

/* The reply of a run that only downloads, which is kept as the last one. */
struct builds_result;
int record_downloads(struct run *run, const struct builds_result *builds,
                     struct diag *diag) MUST_CHECK;
/* *ret NULL: there was none. */
int record_last_download(const struct paths *paths, struct outcome **ret) MUST_CHECK;

void record_log(const struct run *run, enum event event);
/* What became of one of its packages. */
void record_log_package(const struct run *run, const struct outcome_package *package);
