/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json/json-private.h"

#include "base/timetext.h"

#include <limits.h>
#include <string.h>

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
        r = json_scan(copy, diag);
        if (r < 0) {
                (void)json_object_put(object);
                return r;
        }
        *ret = (struct json *)object;
        return 0;
}

/* Every value but the first of all stands behind one of these; in strings they only count too
 * much when quotes do not match, and then it is no JSON. */
static size_t count_values(const char *text, size_t size)
{
        bool in_string = false;
        size_t n = 1;

        for (size_t i = 0; i < size; i++) {
                if (in_string && text[i] == '\\')
                        i++;
                else if (text[i] == '"')
                        in_string = !in_string;
                else if (!in_string && (text[i] == ',' || text[i] == '[' || text[i] == '{'))
                        n++;
        }
        return n;
}

int json_parse_few(const char *text, size_t size, size_t max_values, struct json **ret,
                   struct diag *diag)
{
        if (count_values(text, size) > max_values)
                return diag_fail(diag, -E2BIG, "more than %zu values in the JSON text", max_values);
        return json_parse(text, size, ret, diag);
}

void json_free(struct json *json)
{
        (void)json_object_put(json_object_of(json));
}

/* ---- lenient reading ---- */

const struct json *json_get(const struct json *object, const char *name)
{
        struct json_object *value = NULL;

        if (!json_is_object(object))
                return NULL;
        (void)json_object_object_get_ex(json_object_of(object), name, &value);
        return json_of(value);
}

const char *json_string(const struct json *value)
{
        const char *text;

        if (!json_object_is_type(json_object_of(value), json_type_string))
                return NULL;
        text = json_object_get_string(json_object_of(value));
        /* "a\u0000b" would be read as "a" */
        return strlen(text) == (size_t)json_object_get_string_len(json_object_of(value)) ? text
                                                                                         : NULL;
}

const char *json_get_string(const struct json *object, const char *name)
{
        return json_string(json_get(object, name));
}

int64_t json_get_int(const struct json *object, const char *name, int64_t fallback)
{
        const struct json *value = json_get(object, name);

        if (!json_object_is_type(json_object_of(value), json_type_int))
                return fallback;
        return json_object_get_int64(json_object_of(value));
}

bool json_get_bool(const struct json *object, const char *name, bool fallback)
{
        const struct json *value = json_get(object, name);

        if (!json_object_is_type(json_object_of(value), json_type_boolean))
                return fallback;
        return json_object_get_boolean(json_object_of(value));
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
        if (!json_object_is_type(json_object_of(array), json_type_array))
                return 0;
        return json_object_array_length(json_object_of(array));
}

const struct json *json_at(const struct json *array, size_t index)
{
        return json_of(json_object_array_get_idx(json_object_of(array), index));
}

bool json_is_object(const struct json *value)
{
        return value && json_object_is_type(json_object_of(value), json_type_object);
}

int json_for_each_member(const struct json *object,
                         int (*visit)(const char *name, const struct json *value, void *arg),
                         void *arg)
{
        if (!json_is_object(object))
                return 0;
        json_object_object_foreach(json_object_of(object), name, value)
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
            json_object_to_json_string_ext(json_object_of(value), JSON_C_TO_STRING_NOSLASHESCAPE);
        char *copy = text ? strdup(text) : NULL;

        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}
