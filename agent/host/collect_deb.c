/* SPDX-License-Identifier: Apache-2.0 */
#include "host/collect_deb.h"

#include "base/str.h"
#include "host/deb.h"
#include "host/updaters.h"

#include <string.h>

int deb_add_problem(struct deb_collector *collector, const char *format, ...)
{
        struct str text = {0};
        CLEANUP(freep) char *sentence = NULL;
        va_list args;
        int r;

        va_start(args, format);
        str_vappendf(&text, format, args);
        va_end(args);
        r = str_take(&text, &sentence);
        if (r < 0 || strv_contains(&collector->inventory->problems, sentence))
                return r;
        return strv_add(&collector->inventory->problems, sentence);
}

int deb_problem_from(struct deb_collector *collector, int error, const struct diag *diag)
{
        if (error >= 0 || error == -ENOMEM)
                return error;
        return deb_add_problem(collector, "%s", diag_text(diag, error));
}

static void collector_done(struct deb_collector *collector)
{
        inventory_free(collector->inventory);
        deb_table_done(&collector->table);
        strv_done(&collector->provided);
        strv_done(&collector->archs);
        apt_conf_done(&collector->conf);
        apt_sources_done(&collector->sources);
        apt_preferences_done(&collector->preferences);
        for (size_t i = 0; i < collector->n_indexes; i++) {
                free(collector->indexes[i].release_version);
                free(collector->indexes[i].site);
        }
        free(collector->indexes);
}

/* APT::Periodic's values are counts of days; "always" and the like count as on. */
static bool is_on(const struct apt_conf *conf, const char *key, const char *fallback)
{
        const char *value = apt_conf_get(conf, key);

        return strcmp(value ? value : fallback, "0") != 0;
}

static int read_updaters(struct deb_collector *collector)
{
        const struct apt_conf *conf = &collector->conf;
        const struct apt_unattended apt = {
            .daily = is_on(conf, "APT::Periodic::Enable", "1") &&
                     is_on(conf, "APT::Periodic::Unattended-Upgrade", "0"),
            .at_shutdown = apt_conf_get_bool(conf, "Unattended-Upgrade::InstallOnShutdown", false),
        };

        return updaters_find(collector->root, &apt, &collector->inventory->other_updaters);
}

static int compare_packages(const void *a, const void *b)
{
        const struct package *left = a, *right = b;
        int result = strcmp(left->name, right->name);

        return result != 0 ? result : strcmp(left->arch, right->arch);
}

/* Names that were only looked for stay behind. */
static int move_packages(struct deb_collector *collector)
{
        struct inventory *inventory = collector->inventory;
        struct deb_table *table = &collector->table;

        inventory->packages = calloc(table->n_items, sizeof(*inventory->packages));
        if (!inventory->packages)
                return -ENOMEM;
        for (size_t i = 0; i < table->n_items; i++) {
                struct deb_package *item = &table->items[i];

                if (item->role == DEB_SOUGHT)
                        continue;
                inventory->packages[inventory->n_packages++] = item->package;
                item->package = (struct package){0};
        }
        qsort(inventory->packages, inventory->n_packages, sizeof(*inventory->packages),
              compare_packages);
        return 0;
}

static int collect_settings(struct deb_collector *collector)
{
        int r;

        r = deb_read_extended_states(collector);
        if (r >= 0)
                r = deb_read_journal(collector);
        if (r >= 0)
                r = deb_read_conf(collector);
        if (r >= 0)
                r = deb_read_sources(collector);
        if (r >= 0)
                r = deb_read_preferences(collector);
        return r < 0 ? r : read_updaters(collector);
}

static int collect_versions(struct deb_collector *collector, const char *wanted)
{
        int r;

        r = deb_find_indexes(collector);
        if (r >= 0)
                r = deb_scan(collector, DEB_INSTALLED);
        if (r >= 0)
                r = deb_find_needs(collector);
        if (r >= 0 && wanted)
                r = deb_find_wanted(collector, wanted);
        return r < 0 ? r : deb_choose(collector);
}

int collect_deb(const struct collect_options *options, struct inventory **ret, struct diag *diag)
{
        CLEANUP(collector_done)
        struct deb_collector collector = {.root = options->root,
                                          .machine_id_option = options->machine_id,
                                          .inventory = calloc(1, sizeof(struct inventory))};
        int r;

        if (!collector.inventory)
                return -ENOMEM;
        collector.inventory->format = FORMAT_DEB;
        r = deb_read_status(&collector, diag);
        if (r >= 0)
                r = collect_settings(&collector);
        if (r >= 0)
                r = collect_versions(&collector, options->wanted);
        if (r >= 0)
                r = move_packages(&collector);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(collector.inventory);
        return 0;
}
