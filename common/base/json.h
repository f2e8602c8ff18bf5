/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON in and out; the only user of json-c. Values exist only while something is read or written:
 * every format has a struct of its own. Strict reading is a table of fields; every error names the
 * path of the value, as in "baselines.production.rules[1].severity[0]: 'urgent' is not one of ...".
 */

#include "base/blob.h"
#include "base/diag.h"
#include "base/enums.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum { JSON_DEPTH_MAX = 32 };

struct json; /* a value; borrowed parts live as long as their root */

/*
 * Parses one JSON text (RFC 8259): no comments, no trailing commas, valid UTF-8, no NUL, depth at
 * most JSON_DEPTH_MAX, no name twice in one object (the error names it). Returns -EINVAL or
 * -ENOMEM.
 */
int json_parse(const char *text, size_t size, struct json **ret, struct diag *diag) MUST_CHECK;
/* The same for bytes of nobody we know: parsed, "[1,1,1..." takes forty times its size. -E2BIG when
 * there are more than max_values values in it. */
int json_parse_few(const char *text, size_t size, size_t max_values, struct json **ret,
                   struct diag *diag) MUST_CHECK;
void json_free(struct json *json);
DEFINE_CLEANUP(struct json, json_free);

/* ---- lenient reading: absent, of another type, or a text with a NUL in it gives NULL, the
 * fallback, or 0 ---- */

const struct json *json_get(const struct json *object, const char *name);
const char *json_string(const struct json *value);
const char *json_get_string(const struct json *object, const char *name);
int64_t json_get_int(const struct json *object, const char *name, int64_t fallback);
bool json_get_bool(const struct json *object, const char *name, bool fallback);
time_t json_get_time(const struct json *object, const char *name); /* RFC 3339 text; else 0 */
size_t json_length(const struct json *array);
const struct json *json_at(const struct json *array, size_t index);
bool json_is_object(const struct json *value);
/* The members of an object in their order; stops at the first negative result and gives it. */
int json_for_each_member(const struct json *object,
                         int (*visit)(const char *name, const struct json *value, void *arg),
                         void *arg);
/* The compact text of a value; the caller frees. Returns -ENOMEM. */
int json_to_text(const struct json *value, char **ret) MUST_CHECK;

/* ---- strict reading ---- */

/* A value and the way to it; lives on the stack of the reader. */
struct json_node {
        const struct json *value;
        const struct json_node *parent;
        const char *name; /* in an object; NULL in an array or at the root */
        size_t index;     /* in an array */
};

/* "path: <sentence>", -EINVAL. */
int json_fail(struct diag *diag, const struct json_node *node, const char *format, ...)
    PRINTF(3, 4);

struct json_field;
/* Reads node into target, which points at the field inside the struct being filled. */
typedef int (*json_read_fn)(const struct json_node *node, const struct json_field *field,
                            void *target, struct diag *diag);

struct json_field {
        const char *name;
        json_read_fn read;
        size_t offset; /* of the target inside the struct */
        bool required;
        const void *detail; /* what the reader needs: a table, a range, ... */
};

struct json_range {
        int64_t min, max;
};

/* Reads an object: every member has to be in fields, every required field has to be there, no
 * value may be null. Fields that are absent leave their target as it was (the default). */
int json_read_object(const struct json_node *node, const struct json_field *fields, size_t n_fields,
                     void *target, struct diag *diag) MUST_CHECK;

/* Calls visit for every item of an array (at most max_items) or member of an object. */
int json_read_items(const struct json_node *node, size_t max_items,
                    int (*visit)(const struct json_node *item, void *arg, struct diag *diag),
                    void *arg, struct diag *diag) MUST_CHECK;
int json_read_members(const struct json_node *node, size_t max_members,
                      int (*visit)(const struct json_node *member, void *arg, struct diag *diag),
                      void *arg, struct diag *diag) MUST_CHECK;

/* Readers of single values; the comment names the type of the target and of detail. */
int json_read_string(const struct json_node *node, const struct json_field *field, void *target,
                     struct diag *diag); /* char *, owned; not empty, at most 4096 bytes, no control
                                            characters */
int json_read_strings(const struct json_node *node, const struct json_field *field, void *target,
                      struct diag *diag); /* struct strv; at least one, no doubles */
int json_read_bool(const struct json_node *node, const struct json_field *field, void *target,
                   struct diag *diag); /* bool */
int json_read_int(const struct json_node *node, const struct json_field *field, void *target,
                  struct diag *diag); /* int64_t; detail: struct json_range */
int json_read_time(const struct json_node *node, const struct json_field *field, void *target,
                   struct diag *diag); /* time_t; RFC 3339 */
int json_read_enum(const struct json_node *node, const struct json_field *field, void *target,
                   struct diag *diag); /* int; detail: struct enum_table */
int json_read_enum_set(const struct json_node *node, const struct json_field *field, void *target,
                       struct diag *diag); /* uint32_t, bit per value; detail: struct enum_table */

/* ---- writing ---- */

/*
 * Builds one document from the outside in. Running out of memory (or a nesting mistake) is kept
 * until json_writer_finish(). `name` is the member's name inside an object, NULL inside an array
 * and at the root. Text that is not UTF-8 is written with U+FFFD in its place.
 */
struct json_writer;
struct json_writer *
json_writer_new(void); /* NULL when out of memory: every call then does nothing */
void json_writer_free(struct json_writer *writer);
DEFINE_CLEANUP(struct json_writer, json_writer_free);

void json_begin_object(struct json_writer *writer, const char *name);
void json_begin_array(struct json_writer *writer, const char *name);
void json_end(struct json_writer *writer);
void json_add_string(struct json_writer *writer, const char *name,
                     const char *text); /* NULL: null */
void json_add_int(struct json_writer *writer, const char *name, int64_t value);
void json_add_bool(struct json_writer *writer, const char *name, bool value);
void json_add_null(struct json_writer *writer, const char *name);
void json_add_time(struct json_writer *writer, const char *name, time_t time); /* 0: null */
void json_add_strings(struct json_writer *writer, const char *name, const struct strv *strv);
void json_add_value(struct json_writer *writer, const char *name,
                    const struct json *value); /* shared */

/* The text, compact or indented (with a newline at its end); the caller frees. -ENOMEM. */
int json_writer_finish(struct json_writer *writer, bool pretty, char **ret) MUST_CHECK;
