/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How things look to people: aligned tables, colour on terminals only, times with a distance. */

#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum tone { TONE_PLAIN, TONE_GOOD, TONE_BAD, TONE_WARN, TONE_DIM, TONE_BOLD };

/* Escape sequence to begin a tone ("" without colour), and to end it. */
const char *print_tone(bool colour, enum tone tone);
const char *print_tone_end(bool colour, enum tone tone);

enum { TABLE_COLUMNS_MAX = 8 };

/* A table whose last column is not padded. Cells are copied; NULL is shown as "-". */
struct table {
        size_t n_columns;
        struct strv cells; /* row by row; the first row is the head */
        enum tone *tones;  /* of each row's first cell */
        size_t n_rows;
        bool failed;
};
void table_add(struct table *table, enum tone tone, const char *const *cells);
void table_print(const struct table *table, bool colour);
void table_done(struct table *table);

/* Columns a text takes: characters of UTF-8, not bytes. */
size_t print_width(const char *text);

/* "3 d 4 h", "5 min", "0 s". */
void print_duration(int64_t seconds, char *buffer, size_t size);

/* "2026-11-28T01:00:00Z (in 5 d 3 h)" or "(2 h ago)"; the caller frees. */
char *print_when(time_t time, time_t now);
