/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A list of owned strings; items ends with a NULL, so that it is also an argv. */

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

struct strv {
        char **items; /* NULL while empty */
        size_t n_items;
};

/* Each appends a copy. Returns -ENOMEM. */
int strv_add(struct strv *strv, const char *text) MUST_CHECK;
int strv_addf(struct strv *strv, const char *format, ...) PRINTF(2, 3) MUST_CHECK;
int strv_add_all(struct strv *strv, const char *const *texts, size_t n_texts) MUST_CHECK;

bool strv_contains(const struct strv *strv, const char *text);

/* Whether one of the items, taken as a glob (fnmatch(3), no special slash or dot), matches. */
bool strv_matches(const struct strv *globs, const char *text);

/* The items joined with separator; the caller frees. Returns -ENOMEM. */
int strv_join(const struct strv *strv, const char *separator, char **ret) MUST_CHECK;

void strv_sort(struct strv *strv); /* by bytes */
void strv_done(struct strv *strv);
