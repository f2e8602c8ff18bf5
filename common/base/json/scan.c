/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json/json-private.h"

#include <string.h>

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

/* The names of one object. Most have few, without escapes: those are compared where they stand. */
enum { PLAIN_NAMES_MAX = 16 };

struct plain_name {
        const char *text; /* in the JSON text */
        size_t length;
};

struct object_names {
        struct plain_name plain[PLAIN_NAMES_MAX];
        size_t n_plain;
        struct strv others; /* decoded */
};

static void object_names_done(struct object_names *names)
{
        strv_done(&names->others);
}

static int fail_twice(const struct name_scan *scan, const char *name, size_t length)
{
        return diag_fail(scan->diag, -EINVAL, "the name '%.*s' stands twice in one object",
                         (int)length, name);
}

static int add_plain_name(const struct name_scan *scan, struct object_names *names,
                          struct plain_name name)
{
        for (size_t i = 0; i < names->n_plain; i++)
                if (names->plain[i].length == name.length &&
                    memcmp(names->plain[i].text, name.text, name.length) == 0)
                        return fail_twice(scan, name.text, name.length);
        names->plain[names->n_plain++] = name;
        return 0;
}

/* The decoded name: "a" and "\u0061" are one name; of a name with a NUL json-c drops the rest. */
static int add_decoded_name(const struct name_scan *scan, struct object_names *names,
                            const char *text, size_t length)
{
        CLEANUP(freep) char *quoted = strndup(text, length);
        struct json_object *decoded;
        int r;

        if (!quoted)
                return -ENOMEM;
        decoded = json_tokener_parse(quoted);
        if (!decoded)
                return -ENOMEM;
        if ((size_t)json_object_get_string_len(decoded) != strlen(json_object_get_string(decoded)))
                r = diag_fail(scan->diag, -EINVAL, "a NUL stands in the name '%s'",
                              json_object_get_string(decoded));
        else
                r = strv_add(&names->others, json_object_get_string(decoded));
        (void)json_object_put(decoded);
        return r;
}

static int scan_name(struct name_scan *scan, struct object_names *names)
{
        const char *start = scan->at;
        size_t length;

        skip_string(scan);
        length = (size_t)(scan->at - start);
        if (names->n_plain < PLAIN_NAMES_MAX && !memchr(start, '\\', length))
                return add_plain_name(scan, names,
                                      (struct plain_name){.text = start + 1, .length = length - 2});
        return add_decoded_name(scan, names, start, length);
}

/* Sorted, not searched one by one: a hostile object can have a million names. */
static int check_names(struct name_scan *scan, struct object_names *names)
{
        struct strv *all = &names->others;

        if (all->n_items == 0)
                return 0;
        for (size_t i = 0; i < names->n_plain; i++) {
                int r = strv_addf(all, "%.*s", (int)names->plain[i].length, names->plain[i].text);

                if (r < 0)
                        return r;
        }
        strv_sort(all);
        for (size_t i = 1; i < all->n_items; i++)
                if (strcmp(all->items[i - 1], all->items[i]) == 0)
                        return fail_twice(scan, all->items[i], strlen(all->items[i]));
        return 0;
}

static int scan_object(struct name_scan *scan)
{
        CLEANUP(object_names_done) struct object_names names = {.n_plain = 0};

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

int json_scan(const char *text, struct diag *diag)
{
        struct name_scan scan = {.at = text, .diag = diag};

        return scan_value(&scan);
}
