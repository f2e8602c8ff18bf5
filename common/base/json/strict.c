/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json/json-private.h"

#include "base/str.h"
#include "base/timetext.h"

#include <string.h>

enum { STRING_MAX = 4096, STRINGS_MAX = 10000 };

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
        enum json_type found = json_object_get_type(json_object_of(node->value));

        if (found == json_type_string && type == found && !json_string(node->value))
                return json_fail(
                    diag, node, "has a control character at byte %zu",
                    strlen(json_object_get_string(json_object_of(node->value)))); /* a NUL */
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
        json_object_object_foreach(json_object_of(node->value), name, value)
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
        if ((size_t)json_object_object_length(json_object_of(node->value)) > max_members)
                return json_fail(diag, node, "has more than %zu members", max_members);
        json_object_object_foreach(json_object_of(node->value), name, value)
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
        size_t length = (size_t)json_object_get_string_len(json_object_of(node->value));

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
        *(bool *)target = json_object_get_boolean(json_object_of(node->value));
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
        value = json_object_get_int64(json_object_of(node->value));
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
