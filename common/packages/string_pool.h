/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Short strings, each kept once, as places in one text: 100,000 of them are few allocations. */

#include "base/diag.h"

#include <stddef.h>
#include <stdint.h>

enum {
        STRING_POOL_MAX_BYTES = 256 * 1024 * 1024,
        STRING_POOL_STRING_MAX_BYTES = 256,
};

struct string_pool {
        char *text; /* strings in the order they came, a NUL behind each */
        size_t size, capacity;
        uint32_t *slots; /* open addressing: a place + 1; 0 is free */
        size_t n_slots, n_strings;
};

/* The place of a string, old or new: equal strings have equal places, and a new one has a greater
 * one than all before. Returns -EINVAL for a string that is empty, too long or has blanks, control
 * characters or anything beyond ASCII, -E2BIG, -ENOMEM. */
int string_pool_add(struct string_pool *pool, const char *text, uint32_t *ret_place,
                    struct diag *diag) MUST_CHECK;

static inline const char *string_pool_at(const struct string_pool *pool, uint32_t place)
{
        return pool->text + place;
}

void string_pool_done(struct string_pool *pool);
