/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Names of enum values: one table per enum, used by every parser and printer of it. */

#include "base/cleanup.h"

#include <stddef.h>

struct enum_table {
        const char *const *names; /* indexed by value; every value has a name */
        size_t n_names;
};

#define ENUM_TABLE(array)                                                                          \
        {                                                                                          \
                .names = (array), .n_names = ELEMENTSOF(array)                                     \
        }

/* The value of a name, or -EINVAL. */
int enum_from_name(const struct enum_table *table, const char *name);

/* The name of a value; "?" when there is none. */
const char *enum_name(const struct enum_table *table, int value);

/* "critical, high, medium": all names, for error texts; the caller frees, NULL when out of memory.
 */
char *enum_list(const struct enum_table *table);
