/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rollback/undo.h"

#include "apply/packages/truth.h"
#include "base/str.h"

#include <string.h>

void undo_done(struct undo *undo)
{
        for (size_t i = 0; i < undo->n_items; i++)
                kept_done(&undo->items[i].kept);
        free(undo->items);
        strv_done(&undo->changes);
        *undo = (struct undo){0};
}

static bool is_absent(const struct inventory *inventory, const struct outcome_package *package)
{
        const struct package *found = inventory_find(inventory, package->name, package->arch);

        return !found || !found->version;
}

bool undo_is_back(const struct inventory *inventory, const struct outcome_package *package,
                  char **ret_text)
{
        if (package->version_from)
                return truth_is_installed(inventory, package->name, package->arch,
                                          package->version_from, ret_text);
        if (is_absent(inventory, package))
                return true;
        if (ret_text)
                *ret_text = str_format("the package database still has %s", package->name);
        return false;
}

int undo_add(struct undo *undo, const struct installer *installer,
             const struct inventory *inventory, const struct outcome_package *package,
             struct diag *diag)
{
        const struct package *installed = inventory_find(inventory, package->name, package->arch);
        struct undo_item item = {.package = package, .is_auto = installed && installed->is_auto};
        struct undo_item *items = reallocarray(undo->items, undo->n_items + 1, sizeof(*items));
        int r;

        if (!items)
                return -ENOMEM;
        undo->items = items;
        if (package->version_from) {
                r = kept_find(installer, package->name, package->version_from, package->arch,
                              &item.kept, diag);
                if (r < 0)
                        return r;
        }
        items[undo->n_items++] = item;
        return 0;
}

/* ---- the call ---- */

/* apt keeps packages for every architecture under the native one. */
static const char *word_arch(const struct inventory *inventory,
                             const struct outcome_package *package)
{
        return strcmp(package->arch, "all") == 0 ? inventory->arch : package->arch;
}

static int make_words(const struct undo *undo, const struct installer *installer,
                      const struct inventory *inventory, struct strv *ret, struct diag *diag)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < undo->n_items; i++) {
                const struct undo_item *item = &undo->items[i];
                CLEANUP(freep) char *word = NULL;

                if (item->kept.path) {
                        r = strv_add(ret, item->kept.path);
                        continue;
                }
                r = installer->backend->word(WORD_REMOVAL, item->package->name,
                                             word_arch(inventory, item->package), &word, diag);
                if (r >= 0)
                        r = strv_add(ret, word);
        }
        return r;
}

/* apt without network takes even an archive that is named by its path from its own folder of
 * archives. A link is enough, and what a crash leaves of it is thrown away as no archive. */
static int lay_out(const struct undo *undo, const struct installer *installer, struct diag *diag)
{
        for (size_t i = 0; i < undo->n_items; i++) {
                const char *path = undo->items[i].kept.path;
                CLEANUP(freep) char *link = NULL;

                if (!path)
                        continue;
                link = str_format("%s%s", installer->archives, strrchr(path, '/') + 1);
                if (!link)
                        return -ENOMEM;
                (void)unlink(link);
                if (symlink(path, link) < 0)
                        return diag_fail(diag, -errno, "%s: cannot write: %s", link,
                                         strerrordesc_np(errno));
        }
        return 0;
}

static void clear_away(const struct undo *undo, const struct installer *installer)
{
        for (size_t i = 0; i < undo->n_items; i++) {
                const char *path = undo->items[i].kept.path;
                CLEANUP(freep)
                char *link =
                    path ? str_format("%s%s", installer->archives, strrchr(path, '/') + 1) : NULL;

                if (link)
                        (void)unlink(link);
        }
}

static int call(const struct undo *undo, struct installer *installer,
                const struct inventory *inventory, enum backend_action action,
                struct spawn_result *ret, struct diag *diag)
{
        static const struct plan_step nothing_else = {0};
        CLEANUP(strv_done) struct strv words = {0};
        int r = make_words(undo, installer, inventory, &words, diag);

        if (r >= 0)
                r = installer_allow(installer, &nothing_else, inventory->arch, diag);
        if (r >= 0)
                r = lay_out(undo, installer, diag);
        if (r >= 0)
                r = installer_run_words(installer, action, &words, ret, diag);
        clear_away(undo, installer);
        return r;
}

/* ---- simulation ---- */

/* "all" is shown as the native architecture or not at all. */
static bool is_item(const struct undo_item *item, const struct backend_change *change)
{
        const char *arch = item->package->arch;

        return strcmp(item->package->name, change->name) == 0 &&
               (!change->arch || strcmp(change->arch, "all") == 0 || strcmp(arch, "all") == 0 ||
                strcmp(arch, change->arch) == 0);
}

static bool is_wanted(const struct undo_item *item, const struct backend_change *change)
{
        const char *back = item->package->version_from;

        if (!is_item(item, change))
                return false;
        return change->kind == CHANGE_REMOVE ? !back : back && str_equal(back, change->version_to);
}

/* Configuring what is unpacked already changes no version. */
static bool finishes_old_work(const struct inventory *inventory,
                              const struct backend_change *change)
{
        const struct package *package = inventory_find(inventory, change->name, NULL);

        return change->kind == CHANGE_CONFIGURE && package && change->version_to &&
               str_equal(package->version, change->version_to);
}

static int compare(const struct undo *undo, const struct inventory *inventory,
                   const struct backend_changes *changes, bool *seen, struct diag *diag)
{
        for (size_t i = 0; i < changes->n_items; i++) {
                const struct backend_change *change = &changes->items[i];
                bool is_known = finishes_old_work(inventory, change);

                for (size_t j = 0; j < undo->n_items; j++)
                        if (is_wanted(&undo->items[j], change)) {
                                is_known = true;
                                seen[j] |= change->kind != CHANGE_CONFIGURE;
                        }
                if (!is_known)
                        return diag_fail(diag, -EBADMSG,
                                         "the package manager would do more than bring these "
                                         "versions back: '%s'",
                                         change->line);
        }
        for (size_t j = 0; j < undo->n_items; j++)
                if (!seen[j])
                        return diag_fail(diag, -EBADMSG,
                                         "the package manager would leave %s as it is",
                                         undo->items[j].package->name);
        return 0;
}

static int keep_lines(const struct backend_changes *changes, struct strv *ret)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < changes->n_items; i++)
                if (changes->items[i].kind != CHANGE_CONFIGURE)
                        r = strv_add(ret, changes->items[i].line);
        return r;
}

int undo_simulate(struct undo *undo, struct installer *installer, const struct inventory *inventory,
                  struct diag *diag)
{
        CLEANUP(backend_changes_done) struct backend_changes changes = {0};
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        CLEANUP(freep) bool *seen = calloc(undo->n_items + 1, sizeof(*seen));
        CLEANUP(freep) char *text = NULL;
        int r =
            seen ? call(undo, installer, inventory, BACKEND_SIMULATE_BACK, &result, diag) : -ENOMEM;

        if (r < 0)
                return r;
        if (!installer_succeeded(&result) || result.is_cut) {
                text = installer_describe(installer, &result);
                return diag_fail(diag, -EBADMSG, "the package manager can't bring it back: %s",
                                 text ?: "?");
        }
        r = installer->backend->parse_simulation(result.output.data ?: "", &changes);
        if (r >= 0)
                r = compare(undo, inventory, &changes, seen, diag);
        return r < 0 ? r : keep_lines(&changes, &undo->changes);
}

/* ---- doing it ---- */

/* Installing by name makes a package one that somebody asked for. */
static int mark_auto(const struct undo *undo, struct installer *installer,
                     const struct inventory *inventory, struct diag *diag)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        CLEANUP(strv_done) struct strv words = {0};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < undo->n_items; i++) {
                const struct outcome_package *package = undo->items[i].package;
                CLEANUP(freep) char *word = NULL;

                if (!undo->items[i].is_auto || !package->version_from)
                        continue;
                r = installer->backend->word(WORD_PACKAGE, package->name,
                                             word_arch(inventory, package), &word, diag);
                if (r >= 0)
                        r = strv_add(&words, word);
        }
        if (r < 0 || words.n_items == 0)
                return r;
        return installer_run_words(installer, BACKEND_MARK_AUTO, &words, &result, diag);
}

int undo_install(const struct undo *undo, struct installer *installer,
                 const struct inventory *inventory, char **ret_said, struct diag *diag)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        int r = call(undo, installer, inventory, BACKEND_INSTALL_BACK, &result, diag);

        if (r >= 0)
                r = mark_auto(undo, installer, inventory, diag);
        if (r < 0)
                return r;
        *ret_said = NULL;
        if (installer_succeeded(&result))
                return 0;
        *ret_said = installer_describe(installer, &result);
        return *ret_said ? 0 : -ENOMEM;
}
