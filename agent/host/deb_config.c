/* SPDX-License-Identifier: Apache-2.0 */
#include "host/deb.h"

#include "base/str.h"

#include <string.h>
#include <strings.h>

/* Takes the text of one configuration file; errors become problems. */
typedef int (*take_file_fn)(struct deb_collector *collector, const char *path,
                            const struct blob *blob, struct diag *diag);

static int read_one(struct deb_collector *collector, const char *path, take_file_fn take)
{
        CLEANUP(blob_done) struct blob blob = {0};
        struct diag diag = {0};
        int r;

        r = root_read(collector->root, path, DEB_FILE_SIZE_MAX, &blob, &diag);
        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = take(collector, path, &blob, &diag);
        return deb_problem_from(collector, r, &diag);
}

/* Every file of a ".d" folder that apt would read, in apt's order. */
static int read_parts(struct deb_collector *collector, const char *folder,
                      const char *const *extensions, take_file_fn take)
{
        CLEANUP(strv_done) struct strv names = {0};
        struct diag diag = {0};
        int r;

        r = root_list(collector->root, folder, DEB_FOLDER_MAX, &names, &diag);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return deb_problem_from(collector, r, &diag);
        for (size_t i = 0; i < names.n_items; i++) {
                CLEANUP(freep) char *path = str_format("%s/%s", folder, names.items[i]);
                struct stat found;

                if (!path)
                        return -ENOMEM;
                if (!apt_parts_name_is_valid(names.items[i], extensions) ||
                    (root_stat(collector->root, path, &found) >= 0 && !S_ISREG(found.st_mode)))
                        continue;
                r = read_one(collector, path, take);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- apt.conf ---- */

static int take_conf(struct deb_collector *collector, const char *path, const struct blob *blob,
                     struct diag *diag)
{
        int r;

        r = apt_conf_parse(&collector->conf, blob->data, blob->size, diag);
        if (r < 0)
                diag_prefix(diag, "%s", path);
        return r;
}

/* Settings that would have apt read other files than the collector does. */
static const struct {
        const char *key;
        const char *usual; /* a value that changes nothing */
} moved_places[] = {
    {"RootDir", "/"},
    {"Dir", "/"},
    {"Dir::State", "var/lib/apt"},
    {"Dir::State::lists", "lists/"},
    {"Dir::State::status", "/var/lib/dpkg/status"},
    {"Dir::State::extended_states", "extended_states"},
    {"Dir::Etc", "etc/apt"},
    {"Dir::Etc::sourcelist", "sources.list"},
    {"Dir::Etc::sourceparts", "sources.list.d"},
    {"Dir::Etc::preferences", "preferences"},
    {"Dir::Etc::preferencesparts", "preferences.d"},
};

static int check_places(struct deb_collector *collector)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(moved_places); i++) {
                const char *value = apt_conf_get(&collector->conf, moved_places[i].key);

                if (value && strcmp(value, moved_places[i].usual) != 0)
                        r = deb_add_problem(collector,
                                            "apt.conf sets %s to '%s': patchd reads apt's usual "
                                            "places only",
                                            moved_places[i].key, value);
        }
        for (size_t i = 0; r >= 0 && i < collector->conf.includes.n_items; i++)
                r = deb_add_problem(collector, "apt.conf includes %s, which patchd does not follow",
                                    collector->conf.includes.items[i]);
        return r;
}

/* What apt.conf says of architectures goes before what dpkg says. */
static int take_archs(struct deb_collector *collector)
{
        CLEANUP(strv_done) struct strv archs = {0};
        const char *native = apt_conf_get(&collector->conf, "APT::Architecture");
        int r;

        if (native && *native) {
                char *copy = strdup(native);

                if (!copy)
                        return -ENOMEM;
                free(collector->inventory->arch);
                collector->inventory->arch = copy;
        }
        r = strv_add(&archs, collector->inventory->arch);
        if (r < 0)
                return r;
        if (apt_conf_get(&collector->conf, "APT::Architectures::"))
                r = apt_conf_get_list(&collector->conf, "APT::Architectures", &archs);
        else
                r = strv_add_all(&archs, (const char *const *)collector->archs.items,
                                 collector->archs.n_items);
        if (r < 0)
                return r;
        strv_done(&collector->archs);
        collector->archs = archs;
        archs = (struct strv){0};
        return 0;
}

int deb_read_conf(struct deb_collector *collector)
{
        static const char *const extensions[] = {"", "conf", NULL};
        int r;

        r = read_parts(collector, "/etc/apt/apt.conf.d", extensions, take_conf);
        if (r >= 0)
                r = read_one(collector, "/etc/apt/apt.conf", take_conf);
        if (r >= 0)
                r = check_places(collector);
        return r < 0 ? r : take_archs(collector);
}

/* ---- sources ---- */

static int take_sources(struct deb_collector *collector, const char *path, const struct blob *blob,
                        struct diag *diag)
{
        const struct apt_sources_context context = {
            .file = path, .native_arch = collector->inventory->arch, .archs = &collector->archs};

        return str_has_suffix(path, ".sources")
                   ? apt_sources_parse_deb822(&collector->sources, blob->data, blob->size, &context,
                                              diag)
                   : apt_sources_parse_list(&collector->sources, blob->data, blob->size, &context,
                                            diag);
}

int deb_read_sources(struct deb_collector *collector)
{
        static const char *const extensions[] = {"list", "sources", NULL};
        size_t n_problems = collector->inventory->problems.n_items;
        int r;

        r = read_one(collector, "/etc/apt/sources.list", take_sources);
        if (r >= 0)
                r = read_parts(collector, "/etc/apt/sources.list.d", extensions, take_sources);
        if (r < 0)
                return r;
        if (collector->sources.n_items == 0 && collector->inventory->problems.n_items == n_problems)
                return deb_add_problem(collector,
                                       "no package source is configured in /etc/apt/sources.list "
                                       "or /etc/apt/sources.list.d: updates can't be known");
        return 0;
}

/* ---- preferences ---- */

static int take_preferences(struct deb_collector *collector, const char *path,
                            const struct blob *blob, struct diag *diag)
{
        return apt_preferences_parse(&collector->preferences, blob->data, blob->size, path, diag);
}

int deb_read_preferences(struct deb_collector *collector)
{
        static const char *const extensions[] = {"", "pref", NULL};
        const char *release = apt_conf_get(&collector->conf, "APT::Default-Release");
        int r = 0;

        if (release && *release)
                r = apt_preferences_add_default_release(&collector->preferences, release);
        if (r >= 0)
                r = read_one(collector, "/etc/apt/preferences", take_preferences);
        if (r >= 0)
                r = read_parts(collector, "/etc/apt/preferences.d", extensions, take_preferences);
        for (size_t i = 0; i < collector->preferences.n_pins; i++)
                if (collector->preferences.pins[i].priority >= APT_PRIORITY_DOWNGRADE)
                        collector->may_downgrade = true;
        return r;
}
