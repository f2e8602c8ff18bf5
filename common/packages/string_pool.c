/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/string_pool.h"

#include <string.h>

enum { FIRST_SLOTS = 1024, FIRST_BYTES = 16 * 1024 };

void string_pool_done(struct string_pool *pool)
{
        free(pool->text);
        free(pool->slots);
        *pool = (struct string_pool){0};
}

static uint64_t hash_of(const char *text)
{
        uint64_t hash = 14695981039346656037U; /* FNV-1a */

        for (; *text; text++)
                hash = (hash ^ (unsigned char)*text) * 1099511628211U;
        return hash;
}

/* The slot of a string, or the free one where it belongs. There are free ones. */
static uint32_t *find_slot(const struct string_pool *pool, const char *text)
{
        size_t at = hash_of(text) & (pool->n_slots - 1);

        while (pool->slots[at] != 0 && strcmp(string_pool_at(pool, pool->slots[at] - 1), text) != 0)
                at = (at + 1) & (pool->n_slots - 1);
        return &pool->slots[at];
}

/* At most half of the slots are ever used. */
static int grow_slots(struct string_pool *pool)
{
        struct string_pool larger = *pool;

        if (pool->n_strings * 2 < pool->n_slots)
                return 0;
        larger.n_slots = pool->n_slots > 0 ? pool->n_slots * 2 : FIRST_SLOTS;
        larger.slots = calloc(larger.n_slots, sizeof(*larger.slots));
        if (!larger.slots)
                return -ENOMEM;
        for (size_t i = 0; i < pool->n_slots; i++)
                if (pool->slots[i] != 0)
                        *find_slot(&larger, string_pool_at(pool, pool->slots[i] - 1)) =
                            pool->slots[i];
        free(pool->slots);
        *pool = larger;
        return 0;
}

static int append(struct string_pool *pool, const char *text, size_t size, struct diag *diag)
{
        size_t capacity = pool->capacity > 0 ? pool->capacity : FIRST_BYTES;
        char *larger;

        if (pool->size + size > STRING_POOL_MAX_BYTES)
                return diag_fail(diag, -E2BIG, "more than %d bytes of names and versions",
                                 STRING_POOL_MAX_BYTES);
        while (capacity < pool->size + size)
                capacity *= 2;
        if (capacity != pool->capacity) {
                larger = realloc(pool->text, capacity);
                if (!larger)
                        return -ENOMEM;
                pool->text = larger;
                pool->capacity = capacity;
        }
        memcpy(pool->text + pool->size, text, size);
        pool->size += size;
        return 0;
}

static int check_string(const char *text, size_t length, struct diag *diag)
{
        if (length == 0 || length > STRING_POOL_STRING_MAX_BYTES)
                return diag_fail(diag, -EINVAL,
                                 "'%.40s' has %zu bytes, not 1 to %d as a name or version has",
                                 text, length, STRING_POOL_STRING_MAX_BYTES);
        for (size_t i = 0; i < length; i++)
                if (text[i] <= ' ' || text[i] > '~')
                        return diag_fail(diag, -EINVAL,
                                         "'%s' has a blank or a character that is not printable "
                                         "ASCII",
                                         text);
        return 0;
}

int string_pool_add(struct string_pool *pool, const char *text, uint32_t *ret_place,
                    struct diag *diag)
{
        size_t length = strlen(text), place = pool->size;
        uint32_t *slot;
        int r = check_string(text, length, diag);

        if (r < 0)
                return r;
        r = grow_slots(pool);
        if (r < 0)
                return r;
        slot = find_slot(pool, text);
        if (*slot == 0) {
                r = append(pool, text, length + 1, diag);
                if (r < 0)
                        return r;
                *slot = (uint32_t)place + 1;
                pool->n_strings++;
        }
        *ret_place = *slot - 1;
        return 0;
}
