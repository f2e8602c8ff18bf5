/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What this node has done of the policy's one-time operations, one JSON line each time: a line when
 * it begins, on disk before anything is done, and a second one, with the result, when it has ended.
 * Written by patchd-apply, read by everybody else. An id that has a line is never done again.
 */

#include "base/diag.h"
#include "base/json.h"
#include "policy/assignment.h"
#include "report/outcome.h"

enum { OPERATION_RECORDS_MAX_BYTES = 4 * 1024 * 1024 };

struct operation_record {
        char *id, *run_id;
        time_t began_at, finished_at; /* finished_at 0: it did not come to its end */
        enum run_result result;       /* RUN_INTERRUPTED until then */
        char *message;                /* one sentence; NULL until then */
};

struct operation_records {
        struct operation_record *items;
        size_t n_items;
};

void operation_records_done(struct operation_records *records);

/* A later line of an id replaces the earlier one; a line that was cut when power went counts for
 * nothing. Returns -ENOMEM. */
int operation_records_parse(const char *text, size_t size,
                            struct operation_records *ret) MUST_CHECK;

/* NULL: this id has not been begun. */
const struct operation_record *operation_records_find(const struct operation_records *records,
                                                      const char *id);

/* The line, without its end; the caller frees. Returns -ENOMEM. */
int operation_record_to_line(const struct operation_record *record, char **ret) MUST_CHECK;

/* The policy's operations that match the node and what became of each, as an array. */
void operation_records_write(const struct operation_records *records, const struct policy *policy,
                             const struct node *node, time_t now, const char *name,
                             struct json_writer *writer);
