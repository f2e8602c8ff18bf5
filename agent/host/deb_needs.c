/* SPDX-License-Identifier: Apache-2.0 */
#include "host/deb.h"

#include "base/str.h"
#include "packages/dependency.h"
#include "packages/version_deb.h"

#include <string.h>

/*
 * A dependency that nothing installed meets is looked for in the indexes, each of its alternatives,
 * and the dependencies of what is found are followed. Which of them comes in, and whether it may,
 * is decided later (decide/needs.h).
 */

/* One group of alternatives, collected until the next one begins. */
struct group {
        struct deb_collector *collector;
        const char *arch; /* of the package that depends */
        size_t number;
        bool met;
        struct strv names;
        bool changed; /* something new is sought or needed */
        int error;
};

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_provided(const struct deb_collector *collector, const char *name)
{
        return collector->provided.n_items > 0 &&
               bsearch(&name, collector->provided.items, collector->provided.n_items,
                       sizeof(char *), compare_names);
}

static bool is_installed(const struct deb_collector *collector, const struct dependency *dependency)
{
        const char *name = dependency->name;
        const struct deb_package *found = deb_table_find(&collector->table, name, strlen(name));

        for (; found; found = deb_table_next(&collector->table, found))
                if (found->role == DEB_INSTALLED &&
                    dependency_accepts(dependency, found->package.version))
                        return true;
        return is_provided(collector, name);
}

static struct deb_package *find_sought(const struct group *group, const char *name)
{
        return deb_table_find_arch(&group->collector->table, name, strlen(name), group->arch,
                                   group->collector->inventory->arch);
}

static int seek(struct group *group, const char *name)
{
        struct package package = {.name = strdup(name), .arch = strdup(group->arch)};
        int r = -ENOMEM;

        if (package.name && package.arch)
                r = deb_table_add(&group->collector->table, &package, DEB_SOUGHT);
        inventory_clear_package(&package);
        return r;
}

static int resolve_group(struct group *group)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && !group->met && i < group->names.n_items; i++) {
                struct deb_package *found = find_sought(group, group->names.items[i]);

                if (!found)
                        r = seek(group, group->names.items[i]);
                else if (found->role == DEB_SOUGHT && found->package.n_available > 0)
                        found->role = DEB_NEEDED;
                else
                        continue;
                group->changed = true;
        }
        strv_done(&group->names);
        group->names = (struct strv){0};
        group->met = false;
        return r;
}

static int take_alternative(const struct dependency *dependency, void *arg)
{
        struct group *group = arg;
        int r = 0;

        if (dependency->group != group->number) {
                r = resolve_group(group);
                group->number = dependency->group;
        }
        if (r < 0 || group->met)
                return r;
        if (is_installed(group->collector, dependency)) {
                group->met = true;
                return 0;
        }
        return strv_add(&group->names, dependency->name);
}

static int follow_depends(struct deb_collector *collector, const char *arch, const char *depends,
                          bool *changed)
{
        struct group group = {.collector = collector, .arch = arch};
        int r;

        r = dependency_for_each(depends, take_alternative, &group);
        if (r >= 0)
                r = resolve_group(&group);
        strv_done(&group.names);
        if (group.changed)
                *changed = true;
        return r;
}

static bool is_followed(const struct deb_package *item)
{
        return item->role == DEB_NEEDED || (item->role == DEB_INSTALLED && item->package.version);
}

/* The table may move while it is walked: nothing of it is kept across follow_depends(). */
static int follow_package(struct deb_collector *collector, size_t number, bool *changed)
{
        const char *native = collector->inventory->arch;
        CLEANUP(freep) char *arch = NULL;
        int r = 0;

        if (!is_followed(&collector->table.items[number]))
                return 0;
        arch = strdup(collector->table.items[number].package.arch);
        if (!arch)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < collector->table.items[number].package.n_available; i++) {
                const struct package *package = &collector->table.items[number].package;
                const struct available *available = &package->available[i];

                if (package->version &&
                    version_deb_compare(available->version, package->version) <= 0)
                        continue;
                r = follow_depends(collector, strcmp(arch, "all") == 0 ? native : arch,
                                   available->depends, changed);
        }
        return r;
}

int deb_find_needs(struct deb_collector *collector)
{
        bool changed = true;
        int r;

        for (size_t round = 0; changed && round < DEB_NEEDS_ROUNDS_MAX; round++) {
                size_t n_before = collector->table.n_items;

                changed = false;
                for (size_t i = 0; i < collector->table.n_items; i++) {
                        r = follow_package(collector, i, &changed);
                        if (r < 0)
                                return r;
                }
                if (collector->table.n_items > n_before) {
                        r = deb_scan(collector, DEB_SOUGHT);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

int deb_find_wanted(struct deb_collector *collector, const char *name)
{
        size_t length = strlen(name);
        struct group group = {.collector = collector, .arch = collector->inventory->arch};
        struct deb_package *found = deb_table_find(&collector->table, name, length);
        int r = 0;

        if (!found)
                r = seek(&group, name);
        if (r >= 0 && !found)
                r = deb_scan(collector, DEB_SOUGHT);
        if (r < 0)
                return r;
        found = deb_table_find(&collector->table, name, length);
        if (found && found->role == DEB_SOUGHT && found->package.n_available > 0)
                found->role = DEB_NEEDED;
        return 0;
}
