/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/osv_stream.h"

#include <string.h>

enum { FIRST_BYTES = 16 * 1024 };

void osv_stream_begin(struct osv_stream *stream)
{
        stream->size = 0;
        stream->depth = 0;
        stream->in_string = stream->is_escaped = stream->in_list = stream->is_closed = false;
        stream->n_records = 0;
        stream->offset = 0;
}

void osv_stream_done(struct osv_stream *stream)
{
        free(stream->text);
        *stream = (struct osv_stream){0};
}

static int keep(struct osv_stream *stream, const char *bytes, size_t size, struct diag *diag)
{
        size_t capacity = stream->capacity > 0 ? stream->capacity : FIRST_BYTES;
        char *larger;

        if (stream->size + size > stream->max_record_bytes)
                return diag_fail(diag, -E2BIG, "a record has more than %zu bytes",
                                 stream->max_record_bytes);
        while (capacity < stream->size + size)
                capacity *= 2;
        if (capacity != stream->capacity) {
                larger = realloc(stream->text, capacity);
                if (!larger)
                        return -ENOMEM;
                stream->text = larger;
                stream->capacity = capacity;
        }
        memcpy(stream->text + stream->size, bytes, size);
        stream->size += size;
        return 0;
}

/* How far the string goes on in these bytes; in_string turns false behind its end. */
static size_t scan_string(struct osv_stream *stream, const char *bytes, size_t size)
{
        size_t i = 0;

        if (stream->is_escaped && size > 0)
                i = 1;
        stream->is_escaped = stream->is_escaped && size == 0;
        for (; i < size; i++) {
                if (bytes[i] == '\\') {
                        if (++i == size)
                                stream->is_escaped = true;
                } else if (bytes[i] == '"') {
                        stream->in_string = false;
                        return i + 1;
                }
        }
        return size;
}

/* How many of these bytes belong to the record; depth is 0 when it ends with them. */
static size_t scan_record(struct osv_stream *stream, const char *bytes, size_t size)
{
        size_t i = 0;

        while (i < size) {
                if (stream->in_string) {
                        i += scan_string(stream, bytes + i, size - i);
                        continue;
                }
                switch (bytes[i++]) {
                case '"':
                        stream->in_string = true;
                        break;
                case '{':
                case '[':
                        stream->depth++;
                        break;
                case '}':
                case ']':
                        if (--stream->depth == 0)
                                return i;
                        break;
                default:
                        break;
                }
        }
        return i;
}

/* One byte between records. */
static int pass_between(struct osv_stream *stream, char c, struct diag *diag)
{
        if (strchr(" \t\r\n", c) && c != '\0')
                return 0;
        if (c == '{' && !stream->is_closed) {
                stream->depth = 1;
                return keep(stream, &c, 1, diag);
        }
        if (c == '[' && !stream->in_list && stream->n_records == 0 && !stream->is_closed) {
                stream->in_list = true;
                return 0;
        }
        if (c == ',' && stream->in_list)
                return 0;
        if (c == ']' && stream->in_list) {
                stream->in_list = false;
                stream->is_closed = true;
                return 0;
        }
        return diag_fail(diag, -EINVAL, "no record begins at byte %zu", stream->offset);
}

static int finish_record(struct osv_stream *stream, struct diag *diag)
{
        size_t size = stream->size;

        stream->size = 0;
        stream->n_records++;
        return stream->record(stream->text, size, stream->arg, diag);
}

int osv_stream_add(struct osv_stream *stream, const char *bytes, size_t size, struct diag *diag)
{
        for (size_t i = 0; i < size;) {
                size_t n = 1;
                int r;

                if (stream->depth == 0) {
                        r = pass_between(stream, bytes[i], diag);
                } else {
                        n = scan_record(stream, bytes + i, size - i);
                        r = keep(stream, bytes + i, n, diag);
                        if (r >= 0 && stream->depth == 0)
                                r = finish_record(stream, diag);
                }
                if (r < 0)
                        return r;
                i += n;
                stream->offset += n;
        }
        return 0;
}

int osv_stream_end(struct osv_stream *stream, struct diag *diag)
{
        if (stream->depth > 0 || stream->in_list)
                return diag_fail(diag, -EINVAL, "the JSON text ends too early, after %zu bytes",
                                 stream->offset);
        if (stream->n_records == 0 && !stream->is_closed)
                return diag_fail(diag, -EINVAL, "there is no record in it");
        return 0;
}
