/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/str.h"
#include "base/timetext.h"

#include <json-c/json.h>
#include <limits.h>
#include <string.h>

enum { STRING_MAX = 4096, STRINGS_MAX = 10000 };

static struct json_object *object_of(const struct json *json)
{
        return (struct json_object *)json;
}

static const struct json *json_of(struct json_object *object)
{
        return (const struct json *)object;
}

/* ---- parsing ---- */

/* json-c keeps the last of two members with one name, and takes single quotes, NaN and TRUE even
 * when it is strict; a signed document must not have two readings. The text has passed json-c when
 * this walks it, so its brackets match. */
struct name_scan {
        const char *at;
        struct diag *diag;
        unsigned depth;
};

static int scan_value(struct name_scan *scan);

static void skip_blanks(struct name_scan *scan)
{
        scan->at += strspn(scan->at, " \t\r\n");
}

static void skip_string(struct name_scan *scan)
{
        for (scan->at++; *scan->at && *scan->at != '"'; scan->at++)
                if (*scan->at == '\\' && scan->at[1])
                        scan->at++;
        if (*scan->at)
                scan->at++;
}

/* The decoded name: "a" and "\u0061" are one name. */
static int scan_name(struct name_scan *scan, struct strv *names)
{
        CLEANUP(freep) char *quoted = NULL;
        const char *start = scan->at;
        struct json_object *decoded;
        int r;

        skip_string(scan);
        quoted = strndup(start, (size_t)(scan->at - start));
        if (!quoted)
                return -ENOMEM;
        decoded = json_tokener_parse(quoted);
        if (!decoded)
                return -ENOMEM;
        r = strv_add(names, json_object_get_string(decoded));
        (void)json_object_put(decoded);
        return r;
}

/* Sorted, not searched one by one: a hostile object can have a million names. */
static int check_names(struct name_scan *scan, struct strv *names)
{
        strv_sort(names);
        for (size_t i = 1; i < names->n_items; i++)
                if (strcmp(names->items[i - 1], names->items[i]) == 0)
                        return diag_fail(scan->diag, -EINVAL,
                                         "the name '%s' stands twice in one object",
                                         names->items[i]);
        return 0;
}

static int scan_object(struct name_scan *scan)
{
        CLEANUP(strv_done) struct strv names = {0};

        scan->at++;
        for (;;) {
                int r;

                skip_blanks(scan);
                if (*scan->at == ',') {
                        scan->at++;
                        continue;
                }
                if (*scan->at == '}')
                        break;
                if (*scan->at != '"')
                        return diag_fail(scan->diag, -EINVAL, "a name without double quotes");
                r = scan_name(scan, &names);
                if (r < 0)
                        return r;
                skip_blanks(scan);
                scan->at++; /* the colon */
                r = scan_value(scan);
                if (r < 0)
                        return r;
        }
        scan->at++;
        return check_names(scan, &names);
}

static int scan_array(struct name_scan *scan)
{
        scan->at++;
        for (;;) {
                int r;

                skip_blanks(scan);
                if (*scan->at == ',') {
                        scan->at++;
                        continue;
                }
                if (*scan->at == ']' || *scan->at == '\0')
                        break;
                r = scan_value(scan);
                if (r < 0)
                        return r;
        }
        scan->at++;
        return 0;
}

static int scan_literal(struct name_scan *scan)
{
        static const char *const words[] = {"true", "false", "null"};
        size_t length = strcspn(scan->at, ",]} \t\r\n");
        bool known = *scan->at == '-' ? scan->at[1] >= '0' && scan->at[1] <= '9'
                                      : *scan->at >= '0' && *scan->at <= '9';

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                known = known ||
                        (length == strlen(words[i]) && strncmp(scan->at, words[i], length) == 0);
        if (!known)
                return diag_fail(scan->diag, -EINVAL, "'%.*s' is not a JSON value",
                                 length > 40 ? 40 : (int)length, scan->at);
        scan->at += length;
        return 0;
}

static int scan_value(struct name_scan *scan)
{
        int r = 0;

        if (++scan->depth > JSON_DEPTH_MAX)
                return diag_fail(scan->diag, -EINVAL, "nested too deeply");
        skip_blanks(scan);
        if (*scan->at == '{')
                r = scan_object(scan);
        else if (*scan->at == '[')
                r = scan_array(scan);
        else if (*scan->at == '"')
                skip_string(scan);
        else
                r = scan_literal(scan);
        scan->depth--;
        return r;
}

static int parse_text(struct json_tokener *tokener, const char *text, size_t size,
                      struct json_object **ret, struct diag *diag)
{
        struct json_object *object;
        size_t end;

        if (size > INT_MAX - 1)
                return diag_fail(diag, -E2BIG, "more than 2 GB of JSON");
        if (memchr(text, '\0', size))
                return diag_fail(diag, -EINVAL, "a NUL byte stands in the JSON text");
        object = json_tokener_parse_ex(tokener, text, (int)size);
        if (!object && json_tokener_get_error(tokener) == json_tokener_continue)
                return diag_fail(diag, -EINVAL, "the JSON text ends too early, after %zu bytes",
                                 size);
        if (json_tokener_get_error(tokener) != json_tokener_success)
                return diag_fail(diag, -EINVAL, "not JSON at byte %zu: %s",
                                 json_tokener_get_parse_end(tokener),
                                 json_tokener_error_desc(json_tokener_get_error(tokener)));
        end = json_tokener_get_parse_end(tokener);
        end += strspn(text + end, " \t\r\n");
        if (end < size || !object) {
                (void)json_object_put(object);
                return diag_fail(diag, -EINVAL, "more than one JSON object (byte %zu)", end);
        }
        *ret = object;
        return 0;
}

int json_parse(const char *text, size_t size, struct json **ret, struct diag *diag)
{
        CLEANUP(freep) char *copy = NULL;
        struct json_object *object = NULL;
        struct json_tokener *tokener;
        struct name_scan scan;
        int r;

        copy = strndup(text, size); /* terminated for the scan; a NUL inside is refused below */
        tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
        if (!copy || !tokener) {
                if (tokener)
                        json_tokener_free(tokener);
                return -ENOMEM;
        }
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        r = memchr(text, '\0', size)
                ? diag_fail(diag, -EINVAL, "a NUL byte stands in the JSON text")
                : parse_text(tokener, copy, size, &object, diag);
        json_tokener_free(tokener);
        if (r < 0)
                return r;
        scan = (struct name_scan){.at = copy, .diag = diag};
        r = scan_value(&scan);
        if (r < 0) {
                (void)json_object_put(object);
                return r;
        }
        *ret = (struct json *)object;
        return 0;
}

void json_free(struct json *json)
{
        (void)json_object_put(object_of(json));
}

/* ---- lenient reading ---- */

const struct json *json_get(const struct json *object, const char *name)
{
        struct json_object *value = NULL;

        if (!json_is_object(object))
                return NULL;
        (void)json_object_object_get_ex(object_of(object), name, &value);
        return json_of(value);
}

const char *json_string(const struct json *value)
{
        if (!json_object_is_type(object_of(value), json_type_string))
                return NULL;
        return json_object_get_string(object_of(value));
}

const char *json_get_string(const struct json *object, const char *name)
{
        return json_string(json_get(object, name));
}

int64_t json_get_int(const struct json *object, const char *name, int64_t fallback)
{
        const struct json *value = json_get(object, name);

        if (!json_object_is_type(object_of(value), json_type_int))
                return fallback;
        return json_object_get_int64(object_of(value));
}

bool json_get_bool(const struct json *object, const char *name, bool fallback)
{
        const struct json *value = json_get(object, name);

        if (!json_object_is_type(object_of(value), json_type_boolean))
                return fallback;
        return json_object_get_boolean(object_of(value));
}

time_t json_get_time(const struct json *object, const char *name)
{
        const char *text = json_get_string(object, name);
        time_t time = 0;

        if (text && time_from_rfc3339(text, &time) < 0)
                return 0;
        return time;
}

size_t json_length(const struct json *array)
{
        if (!json_object_is_type(object_of(array), json_type_array))
                return 0;
        return json_object_array_length(object_of(array));
}

const struct json *json_at(const struct json *array, size_t index)
{
        return json_of(json_object_array_get_idx(object_of(array), index));
}

bool json_is_object(const struct json *value)
{
        return value && json_object_is_type(object_of(value), json_type_object);
}

int json_for_each_member(const struct json *object,
                         int (*visit)(const char *name, const struct json *value, void *arg),
                         void *arg)
{
        if (!json_is_object(object))
                return 0;
        json_object_object_foreach(object_of(object), name, value)
        {
                int r = visit(name, json_of(value), arg);

                if (r < 0)
                        return r;
        }
        return 0;
}

int json_to_text(const struct json *value, char **ret)
{
        const char *text =
            json_object_to_json_string_ext(object_of(value), JSON_C_TO_STRING_NOSLASHESCAPE);
        char *copy = text ? strdup(text) : NULL;

        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

/* ---- strict reading ---- */

static void append_path(struct str *path, const struct json_node *node)
{
        if (node->parent)
                append_path(path, node->parent);
        if (node->name)
                str_appendf(path, "%s%s", path->length > 0 ? "." : "", node->name);
        else if (node->parent)
                str_appendf(path, "[%zu]", node->index);
}

int json_fail(struct diag *diag, const struct json_node *node, const char *format, ...)
{
        CLEANUP(str_done) struct str text = {0};
        va_list args;

        append_path(&text, node);
        if (text.length > 0)
                str_append(&text, ": ");
        va_start(args, format);
        str_vappendf(&text, format, args);
        va_end(args);
        return diag_fail(diag, -EINVAL, "%s", text.failed ? "out of memory" : text.data);
}

static int expect_type(const struct json_node *node, enum json_type type, struct diag *diag)
{
        static const char *const names[] = {
            [json_type_null] = "null",     [json_type_boolean] = "true or false",
            [json_type_double] = "number", [json_type_int] = "whole number",
            [json_type_object] = "object", [json_type_array] = "list",
            [json_type_string] = "string"};
        enum json_type found = json_object_get_type(object_of(node->value));

        if (found == type)
                return 0;
        return json_fail(diag, node, "expected a value of type %s, found %s", names[type],
                         found == json_type_null ? "null" : names[found]);
}

static int read_member(const struct json_node *node, const char *name, struct json_object *value,
                       const struct json_field *fields, size_t n_fields, void *target,
                       struct diag *diag)
{
        struct json_node member = {.value = json_of(value), .parent = node, .name = name};

        for (size_t i = 0; i < n_fields; i++)
                if (strcmp(fields[i].name, name) == 0)
                        return fields[i].read(&member, &fields[i],
                                              (char *)target + fields[i].offset, diag);
        return json_fail(diag, &member, "is not a key known here; check its spelling or remove it");
}

int json_read_object(const struct json_node *node, const struct json_field *fields, size_t n_fields,
                     void *target, struct diag *diag)
{
        int r = expect_type(node, json_type_object, diag);

        if (r < 0)
                return r;
        json_object_object_foreach(object_of(node->value), name, value)
        {
                r = read_member(node, name, value, fields, n_fields, target, diag);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < n_fields; i++)
                if (fields[i].required && !json_get(node->value, fields[i].name))
                        return json_fail(diag, node, "the required key '%s' is missing",
                                         fields[i].name);
        return 0;
}

int json_read_items(const struct json_node *node, size_t max_items,
                    int (*visit)(const struct json_node *item, void *arg, struct diag *diag),
                    void *arg, struct diag *diag)
{
        int r = expect_type(node, json_type_array, diag);
        size_t n_items = json_length(node->value);

        if (r < 0)
                return r;
        if (n_items > max_items)
                return json_fail(diag, node, "has %zu items, more than %zu", n_items, max_items);
        for (size_t i = 0; i < n_items; i++) {
                struct json_node item = {
                    .value = json_at(node->value, i), .parent = node, .index = i};

                r = visit(&item, arg, diag);
                if (r < 0)
                        return r;
        }
        return 0;
}

int json_read_members(const struct json_node *node, size_t max_members,
                      int (*visit)(const struct json_node *member, void *arg, struct diag *diag),
                      void *arg, struct diag *diag)
{
        int r = expect_type(node, json_type_object, diag);

        if (r < 0)
                return r;
        if ((size_t)json_object_object_length(object_of(node->value)) > max_members)
                return json_fail(diag, node, "has more than %zu members", max_members);
        json_object_object_foreach(object_of(node->value), name, value)
        {
                struct json_node member = {.value = json_of(value), .parent = node, .name = name};

                r = visit(&member, arg, diag);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_text(const struct json_node *node, struct diag *diag)
{
        const char *text = json_string(node->value);
        size_t length = (size_t)json_object_get_string_len(object_of(node->value));

        if (length == 0)
                return json_fail(diag, node, "is empty");
        if (length > STRING_MAX)
                return json_fail(diag, node, "is longer than %d bytes", STRING_MAX);
        for (size_t i = 0; i < length; i++)
                if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
                        return json_fail(diag, node, "has a control character at byte %zu", i);
        return 0;
}

int json_read_string(const struct json_node *node, const struct json_field *field, void *target,
                     struct diag *diag)
{
        int r = expect_type(node, json_type_string, diag);
        char *copy;

        (void)field;
        if (r < 0)
                return r;
        r = check_text(node, diag);
        if (r < 0)
                return r;
        copy = strdup(json_string(node->value));
        if (!copy)
                return -ENOMEM;
        free(*(char **)target);
        *(char **)target = copy;
        return 0;
}

static int read_strings_item(const struct json_node *item, void *arg, struct diag *diag)
{
        CLEANUP(freep) char *text = NULL;
        struct strv *strv = arg;
        int r = json_read_string(item, NULL, &text, diag);

        if (r < 0)
                return r;
        if (strv_contains(strv, text))
                return json_fail(diag, item, "'%s' stands twice in the list", text);
        return strv_add(strv, text);
}

int json_read_strings(const struct json_node *node, const struct json_field *field, void *target,
                      struct diag *diag)
{
        CLEANUP(strv_done) struct strv strv = {0};
        int r;

        (void)field;
        r = json_read_items(node, STRINGS_MAX, read_strings_item, &strv, diag);
        if (r < 0)
                return r;
        if (strv.n_items == 0)
                return json_fail(diag, node, "is an empty list; leave the key out instead");
        strv_done(target);
        *(struct strv *)target = strv;
        strv = (struct strv){0};
        return 0;
}

int json_read_bool(const struct json_node *node, const struct json_field *field, void *target,
                   struct diag *diag)
{
        int r = expect_type(node, json_type_boolean, diag);

        (void)field;
        if (r < 0)
                return r;
        *(bool *)target = json_object_get_boolean(object_of(node->value));
        return 0;
}

int json_read_int(const struct json_node *node, const struct json_field *field, void *target,
                  struct diag *diag)
{
        const struct json_range *range = field->detail;
        int r = expect_type(node, json_type_int, diag);
        int64_t value;

        if (r < 0)
                return r;
        value = json_object_get_int64(object_of(node->value));
        if (value < range->min || value > range->max)
                return json_fail(diag, node, "%lld is not in %lld..%lld", (long long)value,
                                 (long long)range->min, (long long)range->max);
        *(int64_t *)target = value;
        return 0;
}

int json_read_time(const struct json_node *node, const struct json_field *field, void *target,
                   struct diag *diag)
{
        int r = expect_type(node, json_type_string, diag);

        (void)field;
        if (r < 0)
                return r;
        if (time_from_rfc3339(json_string(node->value), target) < 0)
                return json_fail(diag, node, "'%s' is not a time like 2026-11-22T00:00:00Z",
                                 json_string(node->value));
        return 0;
}

int json_read_enum(const struct json_node *node, const struct json_field *field, void *target,
                   struct diag *diag)
{
        int r = expect_type(node, json_type_string, diag), value;

        if (r < 0)
                return r;
        value = enum_from_name(field->detail, json_string(node->value));
        if (value < 0) {
                CLEANUP(freep) char *names = enum_list(field->detail);

                return json_fail(diag, node, "'%s' is not one of %s", json_string(node->value),
                                 names ?: "the known names");
        }
        *(int *)target = value;
        return 0;
}

struct enum_set {
        const struct json_field *field;
        uint32_t bits;
};

static int read_enum_set_item(const struct json_node *item, void *arg, struct diag *diag)
{
        struct enum_set *set = arg;
        int value = 0, r;

        r = json_read_enum(item, set->field, &value, diag);
        if (r < 0)
                return r;
        if (set->bits & 1U << value)
                return json_fail(diag, item, "'%s' stands twice in the list",
                                 json_string(item->value));
        set->bits |= 1U << value;
        return 0;
}

int json_read_enum_set(const struct json_node *node, const struct json_field *field, void *target,
                       struct diag *diag)
{
        struct enum_set set = {.field = field};
        int r = json_read_items(node, 32, read_enum_set_item, &set, diag);

        if (r < 0)
                return r;
        if (set.bits == 0)
                return json_fail(diag, node, "is an empty list; leave the key out instead");
        *(uint32_t *)target = set.bits;
        return 0;
}

/* ---- writing ---- */

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
        (void)attach(writer, name, value ? json_object_get(object_of(value)) : NULL);
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
