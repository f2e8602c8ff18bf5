/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/varlink.h"

#include "base/str.h"

#include <stddef.h>
#include <string.h>

enum { BUFFER_KEPT_BYTES = 64 * 1024 }; /* a larger, empty buffer gives its memory back */

/* ---- framing ---- */

void varlink_buffer_done(struct varlink_buffer *buffer)
{
        free(buffer->data);
        *buffer = (struct varlink_buffer){.max_bytes = buffer->max_bytes,
                                          .max_values = buffer->max_values};
}

bool varlink_buffer_is_partial(const struct varlink_buffer *buffer)
{
        return buffer->tail > 0;
}

/* How long the unfinished message at the end is once bytes have been added. */
static int measure_tail(const struct varlink_buffer *buffer, const char *bytes, size_t size,
                        size_t *ret, struct diag *diag)
{
        size_t max_bytes = buffer->max_bytes ?: VARLINK_MESSAGE_MAX_BYTES;
        size_t tail = buffer->tail;

        for (size_t at = 0; at < size;) {
                const char *end = memchr(bytes + at, '\0', size - at);
                size_t length = end ? (size_t)(end - bytes) - at : size - at;

                if (length > max_bytes - tail)
                        return diag_fail(diag, -EMSGSIZE, "a message is longer than %zu bytes",
                                         max_bytes);
                tail = end ? 0 : tail + length;
                at += length + 1;
        }
        *ret = tail;
        return 0;
}

static int reserve(struct varlink_buffer *buffer, size_t size)
{
        size_t capacity = buffer->capacity ?: 4096;
        char *data;

        if (buffer->start > 0) {
                buffer->size -= buffer->start;
                memmove(buffer->data, buffer->data + buffer->start, buffer->size);
                buffer->start = 0;
        }
        if (size > SIZE_MAX / 4)
                return -ENOMEM;
        while (capacity - buffer->size < size)
                capacity *= 2;
        if (capacity == buffer->capacity)
                return 0;
        data = realloc(buffer->data, capacity);
        if (!data)
                return -ENOMEM;
        buffer->data = data;
        buffer->capacity = capacity;
        return 0;
}

int varlink_buffer_add(struct varlink_buffer *buffer, const char *bytes, size_t size,
                       struct diag *diag)
{
        size_t tail = 0;
        int r;

        if (size == 0)
                return 0;
        r = measure_tail(buffer, bytes, size, &tail, diag);
        if (r < 0)
                return r;
        r = reserve(buffer, size);
        if (r < 0)
                return r;
        memcpy(buffer->data + buffer->size, bytes, size);
        buffer->size += size;
        buffer->tail = tail;
        return 0;
}

static int parse_message(const char *text, size_t size, size_t max_values, struct json **ret,
                         struct diag *diag)
{
        CLEANUP(json_freep) struct json *json = NULL;
        int r;

        r = json_parse_few(text, size, max_values ?: SIZE_MAX, &json, diag);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return -EBADMSG; /* the sentence is there */
        if (!json_is_object(json))
                return diag_fail(diag, -EBADMSG, "a message is not a JSON object");
        *ret = TAKE_PTR(json);
        return 1;
}

int varlink_buffer_next(struct varlink_buffer *buffer, struct json **ret, struct diag *diag)
{
        const char *text, *end;
        int r;

        if (buffer->size - buffer->start == buffer->tail)
                return 0;
        text = buffer->data + buffer->start;
        end = memchr(text, '\0', buffer->size - buffer->start);
        if (!end)
                return 0;
        r = parse_message(text, (size_t)(end - text), buffer->max_values, ret, diag);
        buffer->start += (size_t)(end - text) + 1;
        if (buffer->start == buffer->size) {
                buffer->start = buffer->size = 0;
                if (buffer->capacity > BUFFER_KEPT_BYTES)
                        varlink_buffer_done(buffer);
        }
        return r;
}

/* ---- reading ---- */

/* Absent and null are the same for every optional member. */
static int read_bool(const struct json *message, const char *name, bool *ret, struct diag *diag)
{
        struct json_node node = {.value = json_get(message, name), .name = name};

        if (!node.value)
                return 0;
        return json_read_bool(&node, NULL, ret, diag) < 0 ? -EBADMSG : 0;
}

/* A name of an interface member: a dot, no control characters (so no NUL either). */
static int read_name(const struct json *message, const char *name, const char **ret,
                     struct diag *diag)
{
        CLEANUP(freep) char *copy = NULL;
        struct json_node node = {.value = json_get(message, name), .name = name};
        const char *dot;
        int r;

        if (!node.value)
                return 0;
        r = json_read_string(&node, NULL, &copy, diag);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        dot = strrchr(copy, '.');
        if (!dot || dot == copy || dot[1] == '\0')
                return diag_fail(diag, -EBADMSG, "%s: '%s' is not an interface and a name", name,
                                 copy);
        *ret = json_string(node.value);
        return 0;
}

static int read_parameters(const struct json *message, const struct json **ret, struct diag *diag)
{
        const struct json *parameters = json_get(message, "parameters");

        if (parameters && !json_is_object(parameters))
                return diag_fail(diag, -EBADMSG, "parameters: is not an object");
        *ret = parameters;
        return 0;
}

int varlink_read_call(const struct json *message, struct varlink_call *ret, struct diag *diag)
{
        struct varlink_call call = {0};
        bool upgrade = false;
        const struct {
                const char *name;
                bool *target;
        } flags[] = {{"more", &call.more}, {"oneway", &call.oneway}, {"upgrade", &upgrade}};
        int r;

        r = read_name(message, "method", &call.method, diag);
        if (r < 0)
                return r;
        if (!call.method)
                return diag_fail(diag, -EBADMSG, "method: is missing");
        r = read_parameters(message, &call.parameters, diag);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(flags); i++)
                r = read_bool(message, flags[i].name, flags[i].target, diag);
        if (r < 0)
                return r;
        if (upgrade)
                return diag_fail(diag, -EBADMSG, "upgrade: no other protocol is spoken here");
        if (call.more && call.oneway)
                return diag_fail(diag, -EBADMSG, "more and oneway exclude each other");
        *ret = call;
        return 0;
}

int varlink_read_reply(const struct json *message, struct varlink_reply *ret, struct diag *diag)
{
        struct varlink_reply reply = {0};
        int r;

        r = read_name(message, "error", &reply.error, diag);
        if (r < 0)
                return r;
        r = read_parameters(message, &reply.parameters, diag);
        if (r < 0)
                return r;
        r = read_bool(message, "continues", &reply.continues, diag);
        if (r < 0)
                return r;
        if (reply.error && reply.continues)
                return diag_fail(diag, -EBADMSG, "an error can not be continued");
        *ret = reply;
        return 0;
}

/* ---- writing ---- */

/* Parameters are pasted as text: a report of a megabyte is not parsed to be sent. */
char *varlink_call_text(const char *method, const char *parameters, bool more)
{
        return str_format("{\"method\":\"%s\",\"parameters\":%s%s}", method, parameters ?: "{}",
                          more ? ",\"more\":true" : "");
}

char *varlink_reply_text(const char *parameters, bool continues)
{
        return str_format("{\"parameters\":%s%s}", parameters ?: "{}",
                          continues ? ",\"continues\":true" : "");
}

char *varlink_error_text(const char *error, const char *parameter_name, const char *text)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        char *reply = NULL;

        json_begin_object(writer, NULL);
        json_add_string(writer, "error", error);
        json_begin_object(writer, "parameters");
        if (parameter_name)
                json_add_string(writer, parameter_name, text);
        json_end(writer);
        json_end(writer);
        return json_writer_finish(writer, false, &reply) < 0 ? NULL : reply;
}

char *varlink_invalid_text(const char *parameter)
{
        return varlink_error_text("org.varlink.service.InvalidParameter", "parameter", parameter);
}
