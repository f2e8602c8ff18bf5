/* SPDX-License-Identifier: Apache-2.0 */
#include "host/deb.h"

#include "base/str.h"
#include "packages/phasing.h"
#include "packages/version_deb.h"

#include <limits.h>
#include <string.h>

enum { TARGETS_MAX = 64 };

/* What apt's choice needs to know besides the versions. */
struct chooser {
        struct deb_collector *collector;
        char *machine_id;  /* NULL: no draw, everything is taken */
        bool phases;       /* phased versions count at all */
        bool never_phased; /* the host takes no version that is still phased */
        bool by_priority;  /* APT::Get::Phase-Policy: a held version has priority 1 */
};

/* One version during the choice; position in the list is newest first. */
struct judged {
        const struct apt_pin *pin;
        bool is_phased_out;
};

static int compare_newest_first(const void *a, const void *b)
{
        const struct available *left = a, *right = b;

        return -version_deb_compare(left->version, right->version);
}

static const struct deb_index *find_index(const struct deb_collector *collector,
                                          const struct package_index *index)
{
        for (size_t i = 0; i < collector->n_indexes; i++)
                if (collector->indexes[i].index == index)
                        return &collector->indexes[i];
        return NULL;
}

/* ---- phasing ---- */

static bool is_from_security(const struct available *available)
{
        for (size_t i = 0; i < available->n_indexes; i++)
                if (available->indexes[i]->is_security)
                        return true;
        return false;
}

/* As apt: a version is never phased when it or one between it and the installed one is a security
 * update. */
static bool skips_security(const struct package *package, size_t at)
{
        for (size_t i = at; i < package->n_available; i++) {
                if (version_deb_compare(package->available[i].version, package->version) <= 0)
                        return false;
                if (is_from_security(&package->available[i]))
                        return true;
        }
        return false;
}

static bool is_phased_out(const struct chooser *chooser, const struct package *package, size_t at)
{
        const struct available *available = &package->available[at];

        if (available->phased_percent >= 100 || !chooser->phases || !package->version ||
            skips_security(package, at))
                return false;
        if (chooser->never_phased)
                return true;
        return chooser->machine_id &&
               !phasing_takes(available->source, available->source_version, chooser->machine_id,
                              available->phased_percent);
}

static bool get_either_bool(const struct apt_conf *conf, const char *name)
{
        CLEANUP(freep) char *apt = str_format("APT::Get::%s", name);
        CLEANUP(freep) char *manager = str_format("Update-Manager::%s", name);

        if (!apt || !manager)
                return false;
        return apt_conf_get_bool(conf, apt, apt_conf_get_bool(conf, manager, false));
}

static int read_machine_id(struct chooser *chooser)
{
        const struct deb_collector *collector = chooser->collector;
        const char *id = apt_conf_get(&collector->conf, "APT::Machine-ID");
        CLEANUP(blob_done) struct blob blob = {0};

        if (!id || !*id)
                id = collector->machine_id_option;
        if (!id && root_read(collector->root, "/etc/machine-id", 1024, &blob, NULL) >= 0) {
                blob.data[strcspn(blob.data, "\r\n")] = '\0';
                id = blob.data;
        }
        if (!id || !*id)
                return 0;
        chooser->machine_id = strdup(id);
        return chooser->machine_id ? 0 : -ENOMEM;
}

static int open_chooser(struct chooser *chooser)
{
        const struct apt_conf *conf = &chooser->collector->conf;

        /* apt takes phased versions at once in a chroot; a foreign root is one. */
        chooser->phases = chooser->collector->root->is_host &&
                          !get_either_bool(conf, "Always-Include-Phased-Updates");
        chooser->never_phased = get_either_bool(conf, "Never-Include-Phased-Updates");
        chooser->by_priority = apt_conf_get_bool(conf, "APT::Get::Phase-Policy", false);
        return chooser->phases ? read_machine_id(chooser) : 0;
}

/* ---- priorities ---- */

static int judge(const struct chooser *chooser, const struct package *package,
                 struct available *available, bool is_installed, struct judged *judged)
{
        const struct deb_collector *collector = chooser->collector;
        const struct pin_target *targets[TARGETS_MAX];
        struct pin_version version = {.name = package->name,
                                      .arch = package->arch,
                                      .native_arch = collector->inventory->arch,
                                      .source = available->source,
                                      .version = available->version,
                                      .targets = targets};

        for (size_t i = 0; i < available->n_indexes && version.n_targets < TARGETS_MAX - 1; i++) {
                const struct deb_index *index = find_index(collector, available->indexes[i]);

                if (index)
                        targets[version.n_targets++] = &index->target;
        }
        if (is_installed)
                targets[version.n_targets++] = &collector->status_target;
        return apt_preferences_judge_version(&collector->preferences, &version, &judged->pin);
}

/* The installed version takes part even when no index has it any more. */
static int add_installed(struct package *package)
{
        struct available *list, installed = {0};

        for (size_t i = 0; i < package->n_available; i++)
                if (version_deb_compare(package->available[i].version, package->version) == 0)
                        return 0;
        list = reallocarray(package->available, package->n_available + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        package->available = list;
        installed.version = strdup(package->version);
        installed.source = strdup(package->source);
        installed.source_version = strdup(package->source_version);
        installed.phased_percent = 100;
        list[package->n_available++] = installed;
        return installed.version && installed.source && installed.source_version ? 0 : -ENOMEM;
}

/* Whether apt would look at a version beside the installed one. */
static bool is_eligible(const struct package *package, const struct available *available)
{
        return available->priority > 0 &&
               (!package->version || available->priority >= APT_PRIORITY_DOWNGRADE ||
                version_deb_compare(available->version, package->version) >= 0);
}

static const struct available *choose(const struct package *package)
{
        const struct available *best = NULL;

        for (size_t i = 0; i < package->n_available; i++) {
                const struct available *available = &package->available[i];

                if (is_eligible(package, available) &&
                    (!best || available->priority > best->priority))
                        best = available;
        }
        return best;
}

/* ---- what the host holds back ---- */

/* The version behind `at` in the list that apt would prefer to it; NULL: none. */
static const struct available *find_rival(const struct package *package, size_t at)
{
        const struct available *rival = NULL;

        for (size_t i = at + 1; i < package->n_available; i++) {
                const struct available *other = &package->available[i];

                if (is_eligible(package, other) &&
                    other->priority > package->available[at].priority &&
                    (!rival || other->priority > rival->priority))
                        rival = other;
        }
        return rival;
}

static char *pin_reason(const struct apt_pin *pin)
{
        return str_format(strchr(pin->file, ':') ? "set by %s" : "pin in %s", pin->file);
}

static char *reason_of(const struct package *package, const struct judged *judged, size_t at)
{
        const struct available *available = &package->available[at];
        const struct available *rival = find_rival(package, at);

        if (judged[at].is_phased_out)
                return str_format("phased %d %%", available->phased_percent);
        if (available->priority > 0 && !rival)
                return NULL;
        if (judged[at].pin)
                return pin_reason(judged[at].pin);
        if (available->n_indexes > 0 && available->indexes[0]->not_automatic)
                return str_format("%s is not automatic", available->indexes[0]->repository);
        if (rival && judged[rival - package->available].pin)
                return pin_reason(judged[rival - package->available].pin);
        return str_format("apt prefers version %s", rival ? rival->version : "of another source");
}

static bool needs_reason(const struct package *package, const struct judged *judged, size_t at)
{
        return judged[at].is_phased_out || package->available[at].priority <= 0 ||
               find_rival(package, at);
}

static int hold_back(struct package *package, const struct judged *judged)
{
        for (size_t i = 0; i < package->n_available; i++) {
                if (!needs_reason(package, judged, i))
                        continue;
                package->available[i].held_by = reason_of(package, judged, i);
                if (!package->available[i].held_by)
                        return -ENOMEM;
        }
        return 0;
}

/* What the indexes say of the installed version itself. */
static int keep_current(struct package *package, struct available *available)
{
        if (available->n_indexes == 0 || package->current)
                return 0;
        package->current = calloc(1, sizeof(*package->current));
        if (!package->current)
                return -ENOMEM;
        *package->current = *available;
        *available = (struct available){0};
        return 0;
}

/* Keeps what is newer than the installed version, and that one apart. */
static int drop_older(struct package *package, const struct available *candidate)
{
        size_t kept = 0;

        package->candidate = NULL;
        for (size_t i = 0; i < package->n_available; i++) {
                struct available *available = &package->available[i];

                int order = package->version
                                ? version_deb_compare(available->version, package->version)
                                : 1;

                if (order == 0 && keep_current(package, available) < 0)
                        return -ENOMEM;
                if (order <= 0) {
                        inventory_clear_available(available);
                        continue;
                }
                if (available == candidate)
                        package->candidate = &package->available[kept];
                if (kept != i) {
                        package->available[kept] = *available;
                        *available = (struct available){0};
                }
                kept++;
        }
        package->n_available = kept;
        return 0;
}

static int choose_for(const struct chooser *chooser, struct package *package)
{
        CLEANUP(freep) struct judged *judged = NULL;
        int r;

        if (package->n_available == 0)
                return 0;
        r = package->version ? add_installed(package) : 0;
        if (r < 0)
                return r;
        qsort(package->available, package->n_available, sizeof(*package->available),
              compare_newest_first);
        judged = calloc(package->n_available, sizeof(*judged));
        if (!judged)
                return -ENOMEM;
        for (size_t i = 0; i < package->n_available; i++) {
                struct available *available = &package->available[i];
                bool is_installed = package->version &&
                                    version_deb_compare(available->version, package->version) == 0;

                available->priority = judge(chooser, package, available, is_installed, &judged[i]);
                judged[i].is_phased_out = is_phased_out(chooser, package, i);
                if (chooser->by_priority && judged[i].is_phased_out && available->priority > 1)
                        available->priority = 1;
        }
        r = hold_back(package, judged);
        return r < 0 ? r : drop_older(package, choose(package));
}

int deb_choose(struct deb_collector *collector)
{
        struct chooser chooser = {.collector = collector};
        int r;

        r = open_chooser(&chooser);
        for (size_t i = 0; r >= 0 && i < collector->table.n_items; i++)
                r = choose_for(&chooser, &collector->table.items[i].package);
        free(chooser.machine_id);
        return r;
}
