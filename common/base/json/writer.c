/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json/json-private.h"

#include "base/str.h"
#include "base/timetext.h"

#include <string.h>

struct json_writer {
        struct json_object *open[JSON_DEPTH_MAX]; /* [0] is the root and owns the rest */
        size_t n_open;
        bool root_done;
        bool failed;
};

struct json_writer *json_writer_new(void)
{
        return calloc(1, sizeof(struct json_writer));
}

void json_writer_free(struct json_writer *writer)
{
        if (!writer)
                return;
        (void)json_object_put(writer->open[0]);
        free(writer);
}

/* Takes over value. Gives whether it now belongs to the document. */
static bool attach(struct json_writer *writer, const char *name, struct json_object *value)
{
        struct json_object *parent;
        int r;

        if (writer->failed || writer->n_open == 0) {
                writer->failed = true;
                (void)json_object_put(value);
                return false;
        }
        parent = writer->open[writer->n_open - 1];
        if (json_object_is_type(parent, json_type_array))
                r = json_object_array_add(parent, value);
        else
                r = name ? json_object_object_add(parent, name, value) : -1;
        if (r < 0) {
                (void)json_object_put(value);
                writer->failed = true;
        }
        return r >= 0;
}

static void begin(struct json_writer *writer, const char *name, struct json_object *value)
{
        if (!value || writer->n_open == JSON_DEPTH_MAX ||
            (writer->n_open == 0 && writer->open[0])) {
                writer->failed = true;
                (void)json_object_put(value);
                return;
        }
        if (writer->n_open > 0 && !attach(writer, name, value))
                return;
        writer->open[writer->n_open++] = value;
}

void json_begin_object(struct json_writer *writer, const char *name)
{
        if (writer)
                begin(writer, name, json_object_new_object());
}

void json_begin_array(struct json_writer *writer, const char *name)
{
        if (writer)
                begin(writer, name, json_object_new_array());
}

void json_end(struct json_writer *writer)
{
        if (!writer)
                return;
        if (writer->n_open == 0)
                writer->failed = true;
        else
                writer->n_open--;
}

/* A NULL value from json-c means null, so running out of memory has to be told apart. */
static void add(struct json_writer *writer, const char *name, struct json_object *value)
{
        if (value)
                (void)attach(writer, name, value);
        else
                writer->failed = true;
}

void json_add_string(struct json_writer *writer, const char *name, const char *text)
{
        CLEANUP(str_done) struct str clean = {0};

        if (!writer)
                return;
        if (!text) {
                json_add_null(writer, name);
                return;
        }
        str_append_utf8(&clean, text);
        add(writer, name, clean.failed ? NULL : json_object_new_string(clean.data));
}

void json_add_int(struct json_writer *writer, const char *name, int64_t value)
{
        if (writer)
                add(writer, name, json_object_new_int64(value));
}

void json_add_bool(struct json_writer *writer, const char *name, bool value)
{
        if (writer)
                add(writer, name, json_object_new_boolean(value));
}

void json_add_null(struct json_writer *writer, const char *name)
{
        if (writer)
                (void)attach(writer, name, NULL);
}

void json_add_time(struct json_writer *writer, const char *name, time_t time)
{
        char text[TIME_TEXT_SIZE];

        if (time == 0)
                json_add_null(writer, name);
        else
                json_add_string(writer, name, time_to_rfc3339(time, text));
}

void json_add_strings(struct json_writer *writer, const char *name, const struct strv *strv)
{
        json_begin_array(writer, name);
        for (size_t i = 0; i < strv->n_items; i++)
                json_add_string(writer, NULL, strv->items[i]);
        json_end(writer);
}

void json_add_value(struct json_writer *writer, const char *name, const struct json *value)
{
        if (!writer)
                return;
        (void)attach(writer, name, value ? json_object_get(json_object_of(value)) : NULL);
}

int json_writer_finish(struct json_writer *writer, bool pretty, char **ret)
{
        int flags = JSON_C_TO_STRING_NOSLASHESCAPE;
        const char *text;
        char *copy;

        if (!writer || writer->failed || writer->n_open != 0 || !writer->open[0])
                return -ENOMEM;
        flags |= pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : 0;
        text = json_object_to_json_string_ext(writer->open[0], flags);
        copy = text ? str_format(pretty ? "%s\n" : "%s", text) : NULL;
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}
