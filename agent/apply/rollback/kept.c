/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rollback/kept.h"

#include "apply/packages/archives.h"
#include "apply/rollback/kept_store.h"
#include "base/str.h"
#include "host/deb_repack.h"

#include <string.h>

void kept_done(struct kept *kept)
{
        free(kept->path);
        free(kept->origin);
        strv_done(&kept->notes);
        *kept = (struct kept){0};
}

static char *file_name(const struct installer *installer, const char *name, const char *version,
                       const char *arch)
{
        return installer->backend->archive_name(name, version, arch);
}

int kept_find(const struct installer *installer, const char *name, const char *version,
              const char *arch, struct kept *ret, struct diag *diag)
{
        CLEANUP(freep) char *file = file_name(installer, name, version, arch);
        CLEANUP(kept_record_done) struct kept_record record = {0};
        CLEANUP(kept_done) struct kept kept = {0};
        struct package_file found = {0};
        int r;

        if (!file)
                return -ENOMEM;
        r = kept_store_read(installer->service->paths, file, &record);
        if (r == -ENOENT)
                return diag_fail(diag, r, "%s %s is not kept on this node", name, version);
        if (r < 0)
                return r;
        kept.path = kept_store_path(installer->service->paths, file);
        if (!kept.path)
                return -ENOMEM;
        r = archives_measure(kept.path, &found, diag);
        if (r < 0)
                return r;
        if (strcmp(found.sha256, record.sha256) != 0)
                return diag_fail(diag, -EBADMSG, "%s: is not what was kept there", kept.path);
        kept.origin = TAKE_PTR(record.origin);
        kept.notes = record.notes;
        record.notes = (struct strv){0};
        *ret = kept;
        kept = (struct kept){0};
        return 0;
}

static bool is_kept(const struct installer *installer, const struct package *package,
                    char **ret_origin)
{
        CLEANUP(kept_done) struct kept kept = {0};

        if (kept_find(installer, package->name, package->version, package->arch, &kept, NULL) < 0)
                return false;
        if (ret_origin)
                *ret_origin = TAKE_PTR(kept.origin);
        return true;
}

/* What an item replaces: the installed package. NULL: nothing, or not the version it is about. */
static const struct package *replaced_by(const struct inventory *inventory,
                                         const struct plan_item *item)
{
        const struct package *package = inventory_find(inventory, item->name, item->arch);

        return package && item->version_from && str_equal(package->version, item->version_from)
                   ? package
                   : NULL;
}

/* ---- from a file that is here ---- */

/* -EBADMSG: it is not what it should be. Where no index says that, being root's alone is enough. */
static int adopt(const struct installer *installer, const struct config *config,
                 const struct package *package, const char *source, const char *origin,
                 struct diag *diag)
{
        const struct paths *paths = installer->service->paths;
        CLEANUP(freep)
        char *file = file_name(installer, package->name, package->version, package->arch);
        CLEANUP(freep) char *path = file ? kept_store_path(paths, file) : NULL;
        struct kept_record record = {.origin = (char *)origin};
        struct package_file want = {0};
        int r = path ? archives_measure(source, &want, diag) : -ENOMEM;

        if (r >= 0 && package->current) {
                want.size_bytes = package->current->file.size_bytes;
                memcpy(want.sha256, package->current->file.sha256, sizeof(want.sha256));
        }
        if (r >= 0)
                r = kept_store_make_room(paths, config, (uint64_t)want.size_bytes,
                                         (uint64_t)want.size_bytes, diag);
        if (r >= 0)
                r = archives_copy_file(source, path, want.size_bytes);
        if (r < 0)
                return r;
        /* The copy, which nobody else holds open. */
        r = archives_check_file(path, &want, diag);
        memcpy(record.sha256, want.sha256, sizeof(record.sha256));
        record.size_bytes = want.size_bytes;
        if (r >= 0)
                r = kept_store_write(paths, file, &record, diag);
        if (r < 0)
                (void)unlink(path);
        return r;
}

static int adopt_cached(const struct installer *installer, const struct config *config,
                        const struct package *package)
{
        const char *const folders[] = {installer->archives, installer->backend->own_archives};
        CLEANUP(freep)
        char *file = file_name(installer, package->name, package->version, package->arch);
        int r = file ? -ENOENT : -ENOMEM;

        for (size_t i = 0; r < 0 && r != -ENOMEM && i < ELEMENTSOF(folders); i++) {
                CLEANUP(freep) char *source = str_format("%s%s", folders[i], file);

                if (!source)
                        return -ENOMEM;
                if (access(source, F_OK) == 0)
                        r = adopt(installer, config, package, source, "cache", NULL);
        }
        return r;
}

/* ---- from an index ---- */

/* Whether it fits beside what this step keeps; else it would be fetched again and again. */
static bool has_room(const struct package *package, uint64_t *room)
{
        uint64_t bytes = (uint64_t)package->current->file.size_bytes;

        if (bytes > *room)
                return false;
        *room -= bytes;
        return true;
}

/* As items of a step that fetches them; what they borrow is the inventory's. room: for all of them
 * and those that are kept already. */
static void list_missing(const struct installer *installer, const struct config *config,
                         const struct inventory *inventory, const struct plan_step *step,
                         uint64_t room, const struct package **packages, struct plan_step *ret)
{
        for (size_t i = 0; i < step->n_items; i++) {
                const struct package *package = replaced_by(inventory, &step->items[i]);

                if (!package || !package->current || !has_room(package, &room) ||
                    is_kept(installer, package, NULL))
                        continue;
                if (adopt_cached(installer, config, package) >= 0)
                        continue;
                packages[ret->n_items] = package;
                ret->items[ret->n_items++] = (struct plan_item){.name = package->name,
                                                                .arch = package->arch,
                                                                .version_to = package->version,
                                                                .target = package->current};
        }
}

static int adopt_fetched(const struct installer *installer, const struct config *config,
                         const struct package *package)
{
        CLEANUP(freep)
        char *file = file_name(installer, package->name, package->version, package->arch);
        CLEANUP(freep)
        char *source = file ? str_format("%spartial/%s", installer->archives, file) : NULL;
        int r;

        if (!source)
                return -ENOMEM;
        (void)!lchown(source, 0, 0);
        r = adopt(installer, config, package, source, "downloaded", NULL);
        (void)unlink(source);
        return r == -ENOMEM ? r : 0;
}

int kept_fetch(struct installer *installer, const struct config *config,
               const struct inventory *inventory, const struct plan_step *step)
{
        CLEANUP(freep) struct plan_item *items = calloc(step->n_items + 1, sizeof(*items));
        CLEANUP(freep)
        const struct package **packages = calloc(step->n_items + 1, sizeof(*packages));
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        struct plan_step missing = {.items = items};
        uint64_t room = 0;
        int r;

        if (!items || !packages)
                return -ENOMEM;
        r = kept_store_room(installer->service->paths, config, &room, NULL);
        if (r < 0)
                return r == -ENOMEM ? r : 0; /* kept_keep() says so */
        list_missing(installer, config, inventory, step, room, packages, &missing);
        if (missing.n_items == 0)
                return 0;
        service_progress(installer->service, "downloading", "keeping what will be replaced");
        r = installer_fetch(installer, &missing, inventory->arch, &result, NULL);
        for (size_t i = 0; r >= 0 && i < missing.n_items; i++)
                r = adopt_fetched(installer, config, packages[i]);
        return r == -ENOMEM ? r : 0;
}

/* ---- from the installed files ---- */

static int find_edited(struct installer *installer, const struct package *package,
                       struct strv *ret_conffiles, struct strv *ret_others, struct diag *diag)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        CLEANUP(strv_done) struct strv words = {0};
        CLEANUP(freep) char *word = NULL;
        int r = installer->backend->word(WORD_PACKAGE, package->name, package->arch, &word, diag);

        if (r >= 0)
                r = strv_add(&words, word);
        if (r >= 0)
                r = installer_run_words(installer, BACKEND_VERIFY, &words, &result, diag);
        if (r < 0)
                return r;
        if (result.is_cut || result.timed_out)
                return diag_fail(diag, -EIO, "its files could not be verified");
        return installer->backend->parse_verify(result.output.data ?: "", ret_conffiles,
                                                ret_others);
}

static int note_changed(const struct strv *others, struct strv *notes)
{
        if (others->n_items == 0)
                return 0;
        return strv_addf(notes,
                         "files that differ from what the package brought, which are in it as they "
                         "are: %s%s",
                         others->items[0], others->n_items > 1 ? " and others" : "");
}

struct store {
        const struct paths *paths;
        const struct config *config;
};

/* Its two parts lie beside the package that they become; all are smaller than the files. What is
 * kept is bounded when its size is known. */
static int make_room(uint64_t bytes, void *arg, struct diag *diag)
{
        const struct store *store = arg;

        return kept_store_make_room(store->paths, store->config, 0, 2 * bytes, diag);
}

static int repack(struct installer *installer, const struct config *config,
                  const struct package *package, const char *file, struct diag *diag)
{
        const struct paths *paths = installer->service->paths;
        CLEANUP(kept_record_done) struct kept_record record = {.origin = strdup("repacked")};
        CLEANUP(strv_done) struct strv edited = {0}, others = {0};
        CLEANUP(freep) char *path = kept_store_path(paths, file);
        struct store store = {paths, config};
        struct deb_repack_request request = {.name = package->name,
                                             .arch = package->arch,
                                             .version = package->version,
                                             .edited = &edited,
                                             .make_room = make_room,
                                             .arg = &store};
        struct package_file found = {0};
        int r = path && record.origin ? 0 : -ENOMEM;

        if (r >= 0)
                r = find_edited(installer, package, &edited, &others, diag);
        if (r >= 0)
                r = kept_store_room(paths, config, &request.max_bytes, diag);
        if (r < 0)
                return r;
        (void)unlink(path);
        r = deb_repack(&request, path, &record.notes, diag);
        if (r >= 0)
                r = note_changed(&others, &record.notes);
        if (r >= 0)
                r = archives_measure(path, &found, diag);
        if (r < 0)
                return r;
        memcpy(record.sha256, found.sha256, sizeof(record.sha256));
        record.size_bytes = found.size_bytes;
        r = kept_store_write(paths, file, &record, diag);
        return r < 0 ? r : kept_store_make_room(paths, config, 0, 0, diag);
}

/* ---- one version ---- */

/* It may be of long ago, and is needed now: the last to be dropped. */
static int keep_on(const struct installer *installer, const struct package *package)
{
        const struct paths *paths = installer->service->paths;
        CLEANUP(freep)
        char *file = file_name(installer, package->name, package->version, package->arch);
        CLEANUP(kept_record_done) struct kept_record record = {0};
        int r = file ? kept_store_read(paths, file, &record) : -ENOMEM;

        if (r >= 0)
                r = kept_store_write(paths, file, &record, NULL);
        return r == -ENOMEM ? r : 0;
}

int kept_keep(struct installer *installer, const struct config *config,
              const struct inventory *inventory, const struct plan_item *item, char **ret_text)
{
        const struct package *package = replaced_by(inventory, item);
        CLEANUP(freep) char *file = NULL;
        struct diag why = {0};
        int r = -ENOENT;

        *ret_text = NULL;
        if (!package)
                return 0;
        if (is_kept(installer, package, ret_text))
                return keep_on(installer, package);
        file = file_name(installer, package->name, package->version, package->arch);
        if (!file)
                return -ENOMEM;
        if (config->keep_max_mb == 0)
                r = diag_fail(&why, -ENOSPC, "[apply] keep_max_mb is 0");
        else
                r = adopt_cached(installer, config, package);
        if (r < 0 && r != -ENOMEM && config->keep_max_mb > 0)
                r = repack(installer, config, package, file, &why);
        if (r >= 0 && is_kept(installer, package, ret_text))
                return 0;
        if (r >= 0)
                r = diag_fail(&why, -ENOSPC, "larger than [apply] keep_max_mb");
        if (r == -ENOMEM)
                return r;
        *ret_text = str_format("not kept: %s", diag_text(&why, r));
        return *ret_text ? 0 : -ENOMEM;
}
