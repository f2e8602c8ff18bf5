/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A growing string. Running out of memory is remembered in `failed` and makes every later append
 * do nothing, so that a builder is checked once, by str_take().
 */

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct str {
        char *data; /* terminated; NULL until the first append */
        size_t length;
        size_t capacity;
        bool failed;
};

void str_append(struct str *str, const char *text);
void str_append_n(struct str *str, const char *bytes, size_t length);
void str_append_char(struct str *str, char c);
void str_appendf(struct str *str, const char *format, ...) PRINTF(2, 3);
void str_vappendf(struct str *str, const char *format, va_list args) PRINTF(2, 0);

/* Appends text with control characters as \xNN and bytes that are not UTF-8 as U+FFFD. */
void str_append_printable(struct str *str, const char *text);

/* Appends text with bytes that are not UTF-8 as U+FFFD; control characters stay. */
void str_append_utf8(struct str *str, const char *text);

/* Gives the string (the caller frees it) and empties str. "" when nothing was appended.
 * Returns -ENOMEM when an append failed. */
int str_take(struct str *str, char **ret) MUST_CHECK;

void str_done(struct str *str);

/* asprintf() that gives NULL when out of memory; the caller frees. */
char *str_format(const char *format, ...) PRINTF(1, 2);

bool str_has_prefix(const char *text, const char *prefix);
bool str_has_suffix(const char *text, const char *suffix);
bool str_equal(const char *a, const char *b); /* NULL equals only NULL */

/* Reads a whole decimal number, no sign, no blanks. Returns -EINVAL or -ERANGE (above max). */
int str_to_uint64(const char *text, unsigned long long max, unsigned long long *ret) MUST_CHECK;

/* Puts an owned text in the place of another, which is freed. new_text NULL, as an allocation that
 * failed gives it: -ENOMEM, and the old one stays. */
int str_replace(char **text, char *new_text) MUST_CHECK;
