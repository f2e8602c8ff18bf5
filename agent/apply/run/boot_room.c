/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/run/boot_room.h"

#include "apply/packages/installer.h"
#include "apply/packages/truth.h"
#include "apply/run/attempt.h"
#include "apply/run/pace.h"
#include "apply/run/record.h"
#include "base/str.h"
#include "host/files.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define BOOT_FOLDER "/boot"

enum {
        FILES_OF_KERNEL_MAX = 100,
        BLOCK_BYTES = 512, /* unit of st_blocks */
        BYTES_PER_MB = 1000 * 1000,
        REMOVAL_MSEC = 30 * 1000, /* of one package, on a slow node */
};

/* ---- measuring ---- */

static int measure_release(const char *release, int64_t *ret_bytes)
{
        CLEANUP(freep) char *suffix = str_format("-%s", release);
        CLEANUP(strv_done) struct strv names = {0};
        int64_t bytes = 0;

        if (!suffix)
                return -ENOMEM;
        if (files_list(BOOT_FOLDER, suffix, FILES_OF_KERNEL_MAX, &names, NULL) == -ENOMEM)
                return -ENOMEM;
        for (size_t i = 0; i < names.n_items; i++) {
                CLEANUP(freep) char *path = str_format("%s/%s", BOOT_FOLDER, names.items[i]);
                struct stat st;

                if (!path)
                        return -ENOMEM;
                if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
                        bytes += (int64_t)st.st_blocks * BLOCK_BYTES;
        }
        *ret_bytes = bytes;
        return 0;
}

/* Negative when it can't be told: then /boot is left alone. */
static int64_t measure_free(void)
{
        struct statvfs st;

        if (statvfs(BOOT_FOLDER, &st) < 0)
                return -1;
        return (int64_t)((uint64_t)st.f_bavail * st.f_frsize);
}

/* ---- planning ---- */

static int choose(struct run *run)
{
        const struct inventory *inventory = run->judgement->inventory;
        size_t n = inventory->kernels.n_items;
        CLEANUP(freep) struct boot_usage *usage = calloc(n + 1, sizeof(*usage));
        struct old_kernels_request request = {.inventory = inventory,
                                              .plan = run->plan,
                                              .running = run->judgement->node.kernel,
                                              .usage = usage,
                                              .n_usage = n,
                                              .free_bytes = measure_free()};
        int r = usage ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                usage[i].release = inventory->kernels.items[i];
                r = measure_release(usage[i].release, &usage[i].size_bytes);
        }
        if (r < 0 || request.free_bytes < 0)
                return r;
        return old_kernels_choose(&request, &run->old_kernels);
}

static int add_removal(const struct package *kernel, struct outcome_package *package)
{
        if (!package)
                return -ENOMEM;
        package->name = strdup(kernel->name);
        package->arch = strdup(kernel->arch);
        package->version_from = strdup(kernel->version);
        return package->name && package->arch && package->version_from ? 0 : -ENOMEM;
}

int boot_room_plan(struct run *run)
{
        int r = choose(run);

        for (size_t i = 0; r >= 0 && i < run->old_kernels.n_packages; i++)
                r = add_removal(run->old_kernels.packages[i], outcome_add_package(run->outcome));
        return r;
}

/* ---- removing ---- */

static struct outcome_package *removal(const struct run *run, size_t number)
{
        return &run->outcome->packages[run->n_items + number];
}

static int set_all(struct run *run, enum package_result result, const char *message)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < run->old_kernels.n_packages; i++)
                r = attempt_set_result(run, run->n_items + i, result, message);
        return r;
}

static int name_packages(const struct run *run, struct strv *words)
{
        const char *native = run->judgement->inventory->arch;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < run->old_kernels.n_packages; i++) {
                const struct package *package = run->old_kernels.packages[i];

                r = strv_addf(words, "%s:%s", package->name,
                              strcmp(package->arch, "all") == 0 ? native : package->arch);
        }
        return r;
}

static bool is_chosen(const struct run *run, const struct backend_change *change)
{
        for (size_t i = 0; i < run->old_kernels.n_packages; i++)
                if (change->kind == CHANGE_REMOVE &&
                    strcmp(run->old_kernels.packages[i]->name, change->name) == 0)
                        return true;
        return false;
}

/* Gives -EBADMSG with a reason unless exactly these packages would be removed, and nothing else
 * done. */
static int simulate(struct run *run, const struct strv *words, struct diag *diag)
{
        CLEANUP(backend_changes_done) struct backend_changes changes = {0};
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        CLEANUP(freep) char *call = NULL;
        int r = installer_run_words(&run->installer, BACKEND_SIMULATE_REMOVE, words, &result, diag);

        if (r < 0)
                return r;
        if (!installer_succeeded(&result) || result.is_cut) {
                call = installer_describe(&run->installer, &result);
                return diag_fail(diag, -EBADMSG, "the simulation failed: %s", call ?: "?");
        }
        r = run->installer.backend->parse_simulation(result.output.data ?: "", &changes);
        if (r < 0)
                return r;
        for (size_t i = 0; i < changes.n_items; i++)
                if (!is_chosen(run, &changes.items[i]))
                        return diag_fail(diag, -EBADMSG,
                                         "refused: the package manager would do more than to "
                                         "remove it: '%s'",
                                         changes.items[i].line);
        if (changes.n_items != run->old_kernels.n_packages)
                return diag_fail(diag, -EBADMSG, "the package manager would not remove it");
        return 0;
}

static int settle(struct run *run, const struct inventory *inventory,
                  const struct spawn_result *result)
{
        CLEANUP(freep)
        char *call =
            installer_succeeded(result) ? NULL : installer_describe(&run->installer, result);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < run->old_kernels.n_packages; i++) {
                const struct outcome_package *package = removal(run, i);
                CLEANUP(freep) char *found = NULL, *message = NULL;

                if (truth_is_gone(inventory, package->name, package->arch)) {
                        r = attempt_set_result(run, run->n_items + i, PACKAGE_REMOVED,
                                               "old kernel, removed to make room in /boot");
                        continue;
                }
                message = str_format("it is still there%s%s", call ? "; " : "", call ?: "");
                r = message ? attempt_set_result(run, run->n_items + i, PACKAGE_FAILED, message)
                            : -ENOMEM;
        }
        return r;
}

static int remove_kernels(struct run *run, const struct strv *words, struct diag *diag)
{
        CLEANUP(inventory_freep) struct inventory *inventory = NULL;
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        int r;

        service_progress(run->service, "installing", "removing old kernels");
        r = installer_run_words(&run->installer, BACKEND_REMOVE, words, &result, diag);
        if (r >= 0)
                r = truth_collect(&inventory, diag);
        if (r >= 0 && inventory->interrupted)
                r = installer_repair(&run->installer, diag);
        return r < 0 ? r : settle(run, inventory, &result);
}

static int run_removal(struct run *run, struct diag *diag)
{
        CLEANUP(freep)
        char *reason = pace_stop_reason(run, (int64_t)run->old_kernels.n_packages * REMOVAL_MSEC);
        CLEANUP(strv_done) struct strv words = {0};
        struct diag why = {0};
        int r;

        if (!reason)
                return -ENOMEM;
        if (reason[0] != '\0')
                return set_all(run, PACKAGE_SKIPPED, reason);
        r = name_packages(run, &words);
        if (r >= 0)
                r = simulate(run, &words, &why);
        if (r == -EBADMSG)
                r = set_all(run, PACKAGE_FAILED, diag_text(&why, r));
        else if (r >= 0)
                r = remove_kernels(run, &words, &why);
        if (r < 0)
                return diag_fail(diag, r, "%s", diag_text(&why, r));
        for (size_t i = 0; i < run->old_kernels.n_packages; i++)
                record_log_package(run, removal(run, i));
        return 0;
}

/* ---- too little room ---- */

static int fail_kernels(struct run *run, int64_t free_bytes)
{
        CLEANUP(freep)
        char *message = str_format(
            "not started: /boot has %lld MB free, and its kernels need about %lld MB; make room "
            "there",
            (long long)(free_bytes / BYTES_PER_MB),
            (long long)((run->old_kernels.needed_bytes + BYTES_PER_MB - 1) / BYTES_PER_MB));
        int r = message ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < run->n_items; i++)
                if (old_kernels_is_image(run->items[i]->name))
                        r = attempt_set_result(run, i, PACKAGE_FAILED, message);
        return r;
}

int boot_room_make(struct run *run, struct diag *diag)
{
        int64_t free_bytes;
        int r = run->old_kernels.n_packages > 0 ? run_removal(run, diag) : 0;

        if (r < 0 || run->old_kernels.needed_bytes == 0)
                return r;
        free_bytes = measure_free();
        run->no_kernels = free_bytes >= 0 && free_bytes < run->old_kernels.needed_bytes;
        return run->no_kernels ? fail_kernels(run, free_bytes) : 0;
}
