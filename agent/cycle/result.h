/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a cycle tells the daemon at its end: the `result` of org.patchd.cycle.Run. */

#include "base/json.h"
#include "cycle/fetch.h"
#include "host/judge.h"

struct cycle_result {
        enum compliance status;
        char *window_name;           /* NULL: the node has no window */
        time_t opens_at, closes_at;  /* of the opening that is open or comes next */
        int64_t retry_after_seconds; /* 0: not said */
        bool is_reachable;
        int64_t policy_version; /* 0: no policy */
        char *error;            /* one sentence; NULL: all is well */
};
void cycle_result_done(struct cycle_result *result);

/* Status and window, from what was judged. Returns -ENOMEM. */
int cycle_result_take_judgement(struct cycle_result *result, const struct judgement *judgement);

/* Keeps the first error and the longest wait. Returns -ENOMEM. */
int cycle_result_add_error(struct cycle_result *result, const char *error, int64_t retry_after);

/* The text of the object, and reading its status and window back. */
int cycle_result_to_text(const struct cycle_result *result, char **ret) MUST_CHECK;
int cycle_result_recall(const char *text, struct cycle_result *result) MUST_CHECK;
