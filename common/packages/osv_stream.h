/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Cuts JSON text that arrives in pieces into the records it consists of, without holding more than
 * one: a single object, a list of objects, or one object after the other (JSON lines). Only
 * brackets and quotes are looked at; whoever gets a record parses it.
 */

#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>

struct osv_stream {
        int (*record)(const char *text, size_t size, void *arg, struct diag *diag);
        void *arg;
        size_t max_record_bytes;
        char *text; /* of the record that is not complete yet */
        size_t size, capacity;
        size_t depth; /* open brackets inside it; 0: between records */
        bool in_string, is_escaped, in_list, is_closed;
        size_t n_records;
        size_t offset; /* bytes seen since the beginning */
};

/* Forgets what stands between the beginning of the text before and here; keeps the memory. */
void osv_stream_begin(struct osv_stream *stream);

/* Returns -EINVAL for what can't be records, -E2BIG, -ENOMEM, or what record() returned. */
int osv_stream_add(struct osv_stream *stream, const char *bytes, size_t size,
                   struct diag *diag) MUST_CHECK;

/* The text ends here. Returns -EINVAL when it is cut or empty. */
int osv_stream_end(struct osv_stream *stream, struct diag *diag) MUST_CHECK;

void osv_stream_done(struct osv_stream *stream);
