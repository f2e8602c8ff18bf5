/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/inventory.h"

#include "base/str.h"
#include "packages/version_deb.h"
#include "packages/version_rpm.h"

#include <string.h>

static void index_free(struct package_index *index)
{
        if (!index)
                return;
        free(index->uri);
        free(index->suite);
        free(index->component);
        free(index->arch);
        free(index->origin);
        free(index->label);
        free(index->codename);
        free(index->release_suite);
        free(index->path);
        free(index->repository);
        free(index);
}

void inventory_clear_available(struct available *available)
{
        free(available->version);
        free(available->source);
        free(available->source_version);
        free(available->indexes);
        free(available->file.filename);
        free(available->depends);
        free(available->breaks);
        free(available->provides);
        free(available->build_note);
        free(available->held_by);
        *available = (struct available){0};
}

void inventory_clear_package(struct package *package)
{
        free(package->name);
        free(package->arch);
        free(package->version);
        free(package->source);
        free(package->source_version);
        free(package->depends);
        free(package->breaks);
        free(package->provides);
        free(package->status);
        free(package->hold);
        for (size_t i = 0; i < package->n_available; i++)
                inventory_clear_available(&package->available[i]);
        free(package->available);
        if (package->current)
                inventory_clear_available(package->current);
        free(package->current);
        *package = (struct package){0};
}

void inventory_free(struct inventory *inventory)
{
        if (!inventory)
                return;
        for (size_t i = 0; i < inventory->n_packages; i++)
                inventory_clear_package(&inventory->packages[i]);
        free(inventory->packages);
        for (size_t i = 0; i < inventory->n_indexes; i++)
                index_free(inventory->indexes[i]);
        free(inventory->indexes);
        free(inventory->arch);
        strv_done(&inventory->other_updaters);
        strv_done(&inventory->problems);
        strv_done(&inventory->broken);
        strv_done(&inventory->kernels);
        free(inventory);
}

/* The first package of that name or after it. */
static size_t lower_bound(const struct inventory *inventory, const char *name)
{
        size_t low = 0, high = inventory->n_packages;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(inventory->packages[middle].name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static bool arch_is(const struct package *package, const char *arch, const char *native)
{
        const char *mine = strcmp(package->arch, "all") == 0 ? native : package->arch;

        return strcmp(package->arch, arch) == 0 ||
               strcmp(mine, strcmp(arch, "all") == 0 ? native : arch) == 0;
}

const struct package *inventory_find(const struct inventory *inventory, const char *name,
                                     const char *arch)
{
        const struct package *any = NULL;

        for (size_t i = lower_bound(inventory, name); i < inventory->n_packages; i++) {
                const struct package *package = &inventory->packages[i];

                if (strcmp(package->name, name) != 0)
                        break;
                if (arch_is(package, arch ? arch : inventory->arch, inventory->arch))
                        return package;
                if (!any)
                        any = package;
        }
        return arch ? NULL : any;
}

int inventory_compare_versions(const struct inventory *inventory, const char *a, const char *b)
{
        return inventory->format == FORMAT_RPM ? version_rpm_compare(a, b)
                                               : version_deb_compare(a, b);
}

time_t inventory_newest_date(const struct inventory *inventory)
{
        time_t newest = 0;

        for (size_t i = 0; i < inventory->n_indexes; i++)
                if (inventory->indexes[i]->date > newest)
                        newest = inventory->indexes[i]->date;
        return newest;
}

time_t inventory_refreshed_at(const struct inventory *inventory)
{
        time_t oldest = 0;

        for (size_t i = 0; i < inventory->n_indexes; i++) {
                time_t at = inventory->indexes[i]->refreshed_at;

                if (i == 0 || at < oldest)
                        oldest = at;
        }
        return oldest;
}

int inventory_fingerprint(const struct inventory *inventory, char ret[static SHA256_TEXT_SIZE])
{
        struct str text = {0};
        CLEANUP(freep) char *whole = NULL;
        int r;

        for (size_t i = 0; i < inventory->n_indexes; i++) {
                const struct package_index *index = inventory->indexes[i];

                str_appendf(&text, "%s %s %s %lld %lld\n", index->repository ?: "",
                            index->component ?: "", index->arch ?: "", (long long)index->date,
                            (long long)index->changed_at);
        }
        r = str_take(&text, &whole);
        return r < 0 ? r : digest_of(whole, strlen(whole), ret);
}
