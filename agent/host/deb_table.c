/* SPDX-License-Identifier: Apache-2.0 */
#include "host/deb.h"

#include <string.h>

/* FNV-1a */
static uint32_t hash_of(const char *name, size_t length)
{
        uint32_t hash = 2166136261U;

        for (size_t i = 0; i < length; i++)
                hash = (hash ^ (unsigned char)name[i]) * 16777619U;
        return hash;
}

static bool is_named(const struct deb_package *item, const char *name, size_t length)
{
        return strncmp(item->package.name, name, length) == 0 && !item->package.name[length];
}

static struct deb_package *follow(const struct deb_table *table, uint32_t at, const char *name,
                                  size_t length)
{
        for (; at > 0; at = table->items[at - 1].next)
                if (is_named(&table->items[at - 1], name, length))
                        return &table->items[at - 1];
        return NULL;
}

struct deb_package *deb_table_find(const struct deb_table *table, const char *name, size_t length)
{
        if (table->n_slots == 0)
                return NULL;
        return follow(table, table->slots[hash_of(name, length) & (table->n_slots - 1)], name,
                      length);
}

struct deb_package *deb_table_next(const struct deb_table *table, const struct deb_package *from)
{
        return follow(table, from->next, from->package.name, strlen(from->package.name));
}

struct deb_package *deb_table_find_arch(const struct deb_table *table, const char *name,
                                        size_t length, const char *arch, const char *native)
{
        struct deb_package *found = deb_table_find(table, name, length);

        if (strcmp(arch, "all") == 0)
                arch = native;
        for (; found; found = deb_table_next(table, found)) {
                const char *mine = found->package.arch;

                if (strcmp(strcmp(mine, "all") == 0 ? native : mine, arch) == 0)
                        return found;
        }
        return NULL;
}

static void link_item(struct deb_table *table, uint32_t number)
{
        struct deb_package *item = &table->items[number];
        const char *name = item->package.name;
        uint32_t *slot = &table->slots[hash_of(name, strlen(name)) & (table->n_slots - 1)];

        item->next = *slot;
        *slot = number + 1;
}

static int grow(struct deb_table *table)
{
        size_t capacity = table->capacity ? table->capacity * 2 : 512;
        struct deb_package *items = reallocarray(table->items, capacity, sizeof(*items));
        uint32_t *slots;

        if (!items)
                return -ENOMEM;
        table->items = items;
        slots = calloc(capacity, sizeof(*slots));
        if (!slots)
                return -ENOMEM;
        free(table->slots);
        table->slots = slots;
        table->n_slots = table->capacity = capacity;
        for (size_t i = 0; i < table->n_items; i++)
                link_item(table, (uint32_t)i);
        return 0;
}

int deb_table_add(struct deb_table *table, struct package *package, enum deb_role role)
{
        int r;

        if (table->n_items >= DEB_PACKAGES_MAX)
                return -E2BIG;
        if (table->n_items == table->capacity) {
                r = grow(table);
                if (r < 0)
                        return r;
        }
        table->items[table->n_items] = (struct deb_package){.package = *package, .role = role};
        *package = (struct package){0};
        link_item(table, (uint32_t)table->n_items++);
        return 0;
}

void deb_table_done(struct deb_table *table)
{
        for (size_t i = 0; i < table->n_items; i++)
                inventory_clear_package(&table->items[i].package);
        free(table->items);
        free(table->slots);
        *table = (struct deb_table){0};
}
