/* SPDX-License-Identifier: Apache-2.0 */
#include "host/deb.h"

#include "base/str.h"
#include "packages/apt_lists.h"

#include <string.h>

/* The Release file of a source; several components share one. */
struct release_file {
        char *name; /* that of InRelease: its key */
        bool found; /* read and understood */
        bool reported;
        time_t changed_at;
        struct apt_release release;
};

struct finder {
        struct deb_collector *collector;
        struct release_file *files;
        size_t n_files;
        struct strv seen; /* paths of indexes, which two sources may name */
};

static void finder_done(struct finder *finder)
{
        for (size_t i = 0; i < finder->n_files; i++) {
                free(finder->files[i].name);
                apt_release_done(&finder->files[i].release);
        }
        free(finder->files);
        strv_done(&finder->seen);
}

static time_t last_change(const struct stat *stat)
{
        return stat->st_mtime > stat->st_ctime ? stat->st_mtime : stat->st_ctime;
}

/* Returns 0 when there is no such file. */
static int read_release(struct deb_collector *collector, const char *name,
                        struct release_file *file)
{
        CLEANUP(freep) char *path = str_format(DEB_LISTS_FOLDER "%s", name);
        CLEANUP(blob_done) struct blob blob = {0};
        struct diag diag = {0};
        struct stat found;
        int r;

        if (!path)
                return -ENOMEM;
        r = root_stat(collector->root, path, &found);
        if (r == -ENOENT)
                return 0;
        r = r < 0 ? diag_fail(&diag, r, "%s: %s", path, strerrordesc_np(-r))
                  : root_read(collector->root, path, APT_RELEASE_SIZE_MAX, &blob, &diag);
        if (r >= 0) {
                r = apt_release_parse(blob.data, blob.size, &file->release, &diag);
                if (r < 0)
                        diag_prefix(&diag, "%s", path);
        }
        if (r < 0) {
                file->reported = true;
                return deb_problem_from(collector, r, &diag);
        }
        file->found = true;
        file->changed_at = last_change(&found);
        return 0;
}

static int find_release(struct finder *finder, const struct apt_source *source,
                        struct release_file **ret)
{
        CLEANUP(freep) char *name = NULL, *plain = NULL;
        struct release_file *files, *file;
        int r;

        r = apt_lists_release_name(source, "InRelease", &name);
        if (r >= 0)
                r = apt_lists_release_name(source, "Release", &plain);
        if (r < 0)
                return r;
        for (size_t i = 0; i < finder->n_files; i++) {
                *ret = &finder->files[i];
                if (strcmp(finder->files[i].name, name) == 0)
                        return 0;
        }
        files = reallocarray(finder->files, finder->n_files + 1, sizeof(*files));
        if (!files)
                return -ENOMEM;
        finder->files = files;
        file = &files[finder->n_files++];
        *file = (struct release_file){.name = TAKE_PTR(name)};
        r = read_release(finder->collector, file->name, file);
        if (r >= 0 && !file->found && !file->reported)
                r = read_release(finder->collector, plain, file);
        *ret = file;
        return r;
}

/* The file of an index under one of the names apt may have given it; *ret NULL: there is none.
 * Returns -EINVAL for what isn't a regular file. */
static int find_file(struct deb_collector *collector, const char *name, char **ret,
                     bool *ret_compressed, time_t *ret_changed_at)
{
        for (size_t i = 0; apt_list_extensions[i]; i++) {
                CLEANUP(freep)
                char *path = str_format(DEB_LISTS_FOLDER "%s%s", name, apt_list_extensions[i]);
                struct stat found;
                int r;

                if (!path)
                        return -ENOMEM;
                r = root_stat(collector->root, path, &found);
                if (r == -ENOENT)
                        continue;
                if (r >= 0 && !S_ISREG(found.st_mode))
                        r = -EINVAL;
                if (r < 0)
                        return r;
                *ret = TAKE_PTR(path);
                *ret_compressed = apt_list_extensions[i][0] != '\0';
                *ret_changed_at = last_change(&found);
                return 0;
        }
        *ret = NULL;
        return 0;
}

static char *copy_or_empty(const char *text)
{
        return strdup(text ? text : "");
}

static bool fill_index(struct package_index *index, const struct apt_source *source,
                       const char *arch, const struct release_file *file)
{
        const struct apt_release *release = &file->release;

        index->uri = strdup(source->uri);
        index->suite = strdup(source->suite);
        index->component = strdup(source->component);
        index->arch = strdup(arch);
        index->origin = copy_or_empty(release->origin);
        index->label = copy_or_empty(release->label);
        index->codename = copy_or_empty(release->codename);
        index->release_suite = copy_or_empty(release->suite);
        index->repository = str_format("%s %s", source->uri, source->suite);
        index->date = release->date;
        index->valid_until = release->valid_until;
        index->not_automatic = release->not_automatic;
        index->but_automatic_upgrades = release->but_automatic_upgrades;
        index->is_security = file->found && apt_release_is_security(release);
        return index->uri && index->suite && index->component && index->arch && index->origin &&
               index->label && index->codename && index->release_suite && index->repository;
}

static struct package_index *add_to_inventory(struct inventory *inventory)
{
        struct package_index **indexes = reallocarray(inventory->indexes, inventory->n_indexes + 1,
                                                      sizeof(struct package_index *));
        struct package_index *index;

        if (!indexes)
                return NULL;
        inventory->indexes = indexes;
        index = calloc(1, sizeof(*index));
        if (index)
                indexes[inventory->n_indexes++] = index;
        return index;
}

static struct deb_index *add_index(struct deb_collector *collector, const struct apt_source *source,
                                   const char *arch, const struct release_file *file)
{
        struct deb_index *items =
            reallocarray(collector->indexes, collector->n_indexes + 1, sizeof(*items));
        struct deb_index *item;

        if (!items)
                return NULL;
        collector->indexes = items;
        item = &items[collector->n_indexes];
        *item = (struct deb_index){.index = add_to_inventory(collector->inventory)};
        if (!item->index)
                return NULL;
        collector->n_indexes++;
        item->release_version = copy_or_empty(file->release.version);
        item->site = strdup(source->site);
        if (!fill_index(item->index, source, arch, file) || !item->release_version || !item->site)
                return NULL;
        item->target = (struct pin_target){
            .archive = item->index->release_suite,
            .codename = item->index->codename,
            .version = item->release_version,
            .origin = item->index->origin,
            .label = item->index->label,
            .component = item->index->component,
            .arch = item->index->arch,
            .site = item->site,
            .not_automatic = item->index->not_automatic,
            .but_automatic_upgrades = item->index->but_automatic_upgrades,
        };
        return item;
}

static bool component_is_offered(const struct apt_release *release, const char *component)
{
        if (release->components.n_items == 0)
                return true;
        for (size_t i = 0; i < release->components.n_items; i++) {
                const char *offered = release->components.items[i];
                const char *slash = strrchr(offered, '/');

                /* Some archives say "updates/main" where sources say "main". */
                if (strcmp(offered, component) == 0 || (slash && strcmp(slash + 1, component) == 0))
                        return true;
        }
        return false;
}

/* Whether the Release file lists the index in any form. */
static bool is_listed(const struct apt_release *release, const char *key)
{
        for (size_t i = 0; apt_list_extensions[i]; i++) {
                CLEANUP(freep) char *name = str_format("%s%s", key, apt_list_extensions[i]);

                if (name && apt_release_file_size(release, name) >= 0)
                        return true;
        }
        return false;
}

/* No file: apt leaves out what the repository doesn't have; the rest was never fetched, or lost. */
static int judge_absence(struct deb_collector *collector, const struct apt_source *source,
                         const char *key, const char *arch, struct release_file *file)
{
        if (!file->found) {
                if (file->reported)
                        return 0;
                file->reported = true;
                if (!add_index(collector, source, arch, file))
                        return -ENOMEM;
                return deb_add_problem(collector,
                                       "%s %s (%s) was never refreshed: run apt-get update",
                                       source->uri, source->suite, source->place);
        }
        if (source->component[0] && !component_is_offered(&file->release, source->component))
                return deb_add_problem(collector, "%s %s has no component '%s' (%s)", source->uri,
                                       source->suite, source->component, source->place);
        if ((file->release.sums[0] && !is_listed(&file->release, key)) ||
            apt_release_file_size(&file->release, key) == 0)
                return 0;
        return deb_add_problem(collector, "the index %s of %s %s is missing: run apt-get update",
                               key, source->uri, source->suite);
}

static int take_index(struct finder *finder, const struct apt_source *source, const char *arch,
                      struct release_file *file)
{
        struct deb_collector *collector = finder->collector;
        CLEANUP(freep) char *key = NULL, *name = NULL, *path = NULL;
        struct deb_index *item;
        bool compressed = false;
        time_t changed_at = 0;
        int r;

        r = apt_lists_index_key(source, arch, &key);
        if (r >= 0)
                r = apt_lists_index_name(source, key, &name);
        if (r < 0)
                return r;
        if (strv_contains(&finder->seen, name))
                return 0;
        r = strv_add(&finder->seen, name);
        if (r >= 0)
                r = find_file(collector, name, &path, &compressed, &changed_at);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return deb_add_problem(collector, DEB_LISTS_FOLDER "%s: %s", name,
                                       strerrordesc_np(-r));
        if (!path)
                return judge_absence(collector, source, key, arch, file);
        item = add_index(collector, source, arch, file);
        if (!item)
                return -ENOMEM;
        item->index->path = TAKE_PTR(path);
        item->index->changed_at = changed_at > file->changed_at ? changed_at : file->changed_at;
        item->index->refreshed_at = item->index->changed_at;
        item->compressed = compressed;
        item->expected_size = file->found ? apt_release_file_size(&file->release, key) : -1;
        return 0;
}

static int take_source(struct finder *finder, const struct apt_source *source)
{
        struct release_file *file;
        size_t n_before = finder->collector->n_indexes;
        int r;

        r = find_release(finder, source, &file);
        for (size_t i = 0; r >= 0 && i < source->archs.n_items; i++) {
                r = take_index(finder, source, source->archs.items[i], file);
                if (str_has_suffix(source->suite, "/"))
                        break;
        }
        if (r >= 0 && file->found && file->release.all_is_separate && !source->without_all)
                r = take_index(finder, source, "all", file);
        if (r < 0 || file->found || file->reported || source->trusted ||
            finder->collector->n_indexes == n_before)
                return r;
        file->reported = true;
        return deb_add_problem(finder->collector,
                               "%s %s (%s) has an index but no signed Release file: run apt-get "
                               "update",
                               source->uri, source->suite, source->place);
}

static int check_default_release(struct deb_collector *collector)
{
        const char *release = apt_conf_get(&collector->conf, "APT::Default-Release");

        if (!release || !*release || collector->n_indexes == 0)
                return 0;
        for (size_t i = 0; i < collector->n_indexes; i++)
                if (collector->indexes[i].target.pin == &collector->preferences.pins[0])
                        return 0;
        return deb_add_problem(collector,
                               "APT::Default-Release is '%s', which no source offers: apt refuses "
                               "to work",
                               release);
}

int deb_find_indexes(struct deb_collector *collector)
{
        CLEANUP(finder_done) struct finder finder = {.collector = collector};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < collector->sources.n_items; i++)
                r = take_source(&finder, &collector->sources.items[i]);
        if (r < 0)
                return r;
        collector->status_target = (struct pin_target){
            .archive = "now",
            .codename = "",
            .version = "",
            .origin = "",
            .label = "",
            .component = "now",
            .arch = "",
            .site = "",
            .is_status = true,
        };
        apt_preferences_judge_index(&collector->preferences, &collector->status_target);
        for (size_t i = 0; i < collector->n_indexes; i++)
                apt_preferences_judge_index(&collector->preferences, &collector->indexes[i].target);
        return check_default_release(collector);
}
