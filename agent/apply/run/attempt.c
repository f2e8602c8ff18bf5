/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/run/attempt.h"

#include "apply/packages/archives.h"
#include "apply/packages/installer.h"
#include "apply/packages/truth.h"
#include "apply/run/guard.h"
#include "base/str.h"

#include <assert.h>
#include <string.h>

void attempt_done(struct attempt *attempt)
{
        free(attempt->step.items);
        free(attempt->indexes);
        *attempt = (struct attempt){0};
}

int attempt_init(const struct run *run, struct attempt *ret)
{
        ret->step.items = calloc(run->n_items + 1, sizeof(*ret->step.items));
        ret->indexes = calloc(run->n_items + 1, sizeof(*ret->indexes));
        return ret->step.items && ret->indexes ? 0 : -ENOMEM;
}

void attempt_add_helper(const struct run *run, struct attempt *attempt, size_t index)
{
        attempt->indexes[attempt->step.n_items] = index;
        attempt->step.items[attempt->step.n_items++] = *run->items[index];
}

void attempt_add(const struct run *run, struct attempt *attempt, size_t index)
{
        assert(attempt->n_own == attempt->step.n_items);
        attempt_add_helper(run, attempt, index);
        attempt->n_own++;
}

static void attempt_remove(struct attempt *attempt, size_t at)
{
        size_t n = --attempt->step.n_items - at;

        memmove(&attempt->step.items[at], &attempt->step.items[at + 1],
                n * sizeof(*attempt->step.items));
        memmove(&attempt->indexes[at], &attempt->indexes[at + 1], n * sizeof(*attempt->indexes));
        attempt->n_own -= at < attempt->n_own;
}

static const char *native_arch(const struct run *run)
{
        return run->judgement->inventory->arch;
}

bool attempt_is_done(const struct outcome_package *package)
{
        return package->result == PACKAGE_UPDATED || package->result == PACKAGE_INSTALLED;
}

int attempt_set_result(struct run *run, size_t index, enum package_result result,
                       const char *message)
{
        struct outcome_package *package = &run->outcome->packages[index];
        char *copy = message ? strdup(message) : NULL;

        if (message && !copy)
                return -ENOMEM;
        free(package->message);
        package->message = copy;
        package->result = result;
        return 0;
}

/* Helpers keep the results that they have. */
static int fail_own(struct run *run, const struct attempt *attempt, size_t at, const char *message)
{
        return at < attempt->n_own
                   ? attempt_set_result(run, attempt->indexes[at], PACKAGE_FAILED, message)
                   : 0;
}

/* Every package that the attempt is about failed for one reason. */
static int fail_all(struct run *run, const struct attempt *attempt, const char *message)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < attempt->n_own; i++)
                if (!attempt_is_done(&run->outcome->packages[attempt->indexes[i]]))
                        r = fail_own(run, attempt, i, message);
        return r;
}

/* ---- archives ---- */

/* Takes out of the attempt what can't be had. */
static int drop_unverified(struct run *run, struct attempt *attempt, const char *fetch_text)
{
        for (size_t i = attempt->step.n_items; i > 0; i--) {
                struct diag why = {0};
                CLEANUP(freep) char *message = NULL, *said = NULL;
                int r = archives_verify(&run->installer, &attempt->step.items[i - 1],
                                        native_arch(run), &why);

                if (r == -ENOMEM)
                        return r;
                if (r >= 0)
                        continue;
                said =
                    fetch_text ? archives_failure(fetch_text, &attempt->step.items[i - 1]) : NULL;
                message = str_format("%s%s%s", diag_text(&why, r), said ? "; " : "", said ?: "");
                if (!message)
                        return -ENOMEM;
                r = fail_own(run, attempt, i - 1, message);
                if (r < 0)
                        return r;
                attempt_remove(attempt, i - 1);
        }
        return 0;
}

int attempt_fetch(struct run *run, struct attempt *attempt, struct diag *diag)
{
        CLEANUP(freep) char *text = NULL;
        int r = archives_fetch(&run->installer, &attempt->step, native_arch(run), &text, diag);

        return r < 0 ? r : drop_unverified(run, attempt, text);
}

/* ---- simulation ---- */

/* Packages for all architectures are shown under the native one or none. */
static bool is_same_arch(const char *planned, const char *shown)
{
        return !shown || strcmp(shown, "all") == 0 || strcmp(planned, "all") == 0 ||
               strcmp(planned, shown) == 0;
}

static const struct plan_item *find_item(const struct plan_step *step,
                                         const struct backend_change *change, size_t *ret_index)
{
        for (size_t i = 0; i < step->n_items; i++)
                if (strcmp(step->items[i].name, change->name) == 0 &&
                    is_same_arch(step->items[i].arch, change->arch)) {
                        *ret_index = i;
                        return &step->items[i];
                }
        return NULL;
}

/* Configuring what is unpacked already changes no version. */
static bool finishes_old_work(const struct run *run, const struct backend_change *change)
{
        const struct package *package =
            inventory_find(run->judgement->inventory, change->name, NULL);

        if (change->kind != CHANGE_CONFIGURE || !change->version_to)
                return false;
        if (package && str_equal(package->version, change->version_to))
                return true;
        for (size_t i = 0; i < run->n_items; i++)
                if (strcmp(run->items[i]->name, change->name) == 0 &&
                    strcmp(run->items[i]->version_to, change->version_to) == 0)
                        return true;
        return false;
}

/* -EBADMSG and the reason when a change is outside the plan; marks what the plan will get. */
static int compare_changes(const struct run *run, const struct plan_step *step,
                           const struct backend_changes *changes, bool *will_change,
                           struct diag *diag)
{
        for (size_t i = 0; i < changes->n_items; i++) {
                const struct backend_change *change = &changes->items[i];
                const struct plan_item *item;
                size_t index = 0;

                item = change->kind == CHANGE_REMOVE ? NULL : find_item(step, change, &index);
                if (item && str_equal(item->version_to, change->version_to)) {
                        will_change[index] |= change->kind == CHANGE_INSTALL;
                        continue;
                }
                if (!finishes_old_work(run, change))
                        return diag_fail(diag, -EBADMSG,
                                         "refused: the package manager would do what is not in the "
                                         "plan: '%s'",
                                         change->line);
        }
        return 0;
}

/* Gives -EBADMSG with a reason when the attempt must not run. */
static int simulate(struct run *run, const struct plan_step *step, bool *will_change,
                    struct diag *diag)
{
        CLEANUP(backend_changes_done) struct backend_changes changes = {0};
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        CLEANUP(freep) char *text = NULL;
        int r = installer_allow(&run->installer, step, native_arch(run), diag);

        if (r >= 0)
                r = installer_run(&run->installer, BACKEND_SIMULATE, &result, diag);
        if (r < 0)
                return r;
        if (!installer_succeeded(&result) || result.is_cut) {
                text = installer_describe(&run->installer, &result);
                return diag_fail(diag, -EBADMSG, "the simulation failed: %s", text ?: "?");
        }
        r = run->installer.backend->parse_simulation(result.output.data ?: "", &changes);
        return r < 0 ? r : compare_changes(run, step, &changes, will_change, diag);
}

/* Nothing is left to do where a repair on the way has finished what somebody had begun. */
static int settle_untouched(struct run *run, struct attempt *attempt,
                            const struct inventory *inventory, size_t at)
{
        const struct plan_item *item = &attempt->step.items[at];

        if (truth_is_installed(inventory, item->name, item->arch, item->version_to, NULL))
                return attempt_set_result(run, attempt->indexes[at],
                                          item->is_new ? PACKAGE_INSTALLED : PACKAGE_UPDATED,
                                          "it was begun earlier, and the repair has finished it");
        attempt->was_refused |= at < attempt->n_own;
        return fail_own(run, attempt, at,
                        "the package manager keeps it back: something it needs or breaks has no "
                        "approved version");
}

/* Takes out of the attempt what the package manager would not touch. */
static int drop_kept_back(struct run *run, struct attempt *attempt, const bool *will_change,
                          struct diag *diag)
{
        CLEANUP(inventory_freep) struct inventory *inventory = NULL;
        int r = 0;

        for (size_t i = attempt->step.n_items; r >= 0 && i > 0; i--) {
                if (will_change[i - 1])
                        continue;
                if (!inventory)
                        r = truth_collect(&inventory, diag);
                if (r >= 0)
                        r = settle_untouched(run, attempt, inventory, i - 1);
                attempt_remove(attempt, i - 1);
        }
        return r;
}

/* ---- installing ---- */

/* What the database has now is the result, whatever the package manager said. */
static int settle(struct run *run, const struct attempt *attempt, const struct inventory *inventory,
                  const struct spawn_result *result)
{
        CLEANUP(freep)
        char *call =
            installer_succeeded(result) ? NULL : installer_describe(&run->installer, result);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < attempt->step.n_items; i++) {
                const struct plan_item *item = &attempt->step.items[i];
                CLEANUP(freep) char *found = NULL, *message = NULL;
                CLEANUP(freep) char *note = installer_note(&run->installer, item->name);
                bool is_there =
                    truth_is_installed(inventory, item->name, item->arch, item->version_to, &found);

                if (is_there) {
                        r = attempt_set_result(run, attempt->indexes[i],
                                               item->is_new ? PACKAGE_INSTALLED : PACKAGE_UPDATED,
                                               note);
                        continue;
                }
                message = str_format("%s%s%s%s%s", note ?: "", note ? "; " : "", found ?: "?",
                                     call ? "; " : "", call ?: "");
                r = message ? attempt_set_result(run, attempt->indexes[i], PACKAGE_FAILED, message)
                            : -ENOMEM;
        }
        return r;
}

static bool reached_all(const struct inventory *inventory, const struct attempt *attempt)
{
        for (size_t i = 0; i < attempt->step.n_items; i++) {
                const struct plan_item *item = &attempt->step.items[i];

                if (!truth_is_installed(inventory, item->name, item->arch, item->version_to, NULL))
                        return false;
        }
        return true;
}

static int install(struct run *run, struct attempt *attempt, struct diag *diag)
{
        CLEANUP(inventory_freep) struct inventory *inventory = NULL;
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        int r = installer_allow(&run->installer, &attempt->step, native_arch(run), diag);

        if (r >= 0)
                r = installer_run(&run->installer, BACKEND_INSTALL, &result, diag);
        if (r >= 0)
                r = truth_collect(&inventory, diag);
        if (r >= 0 && (inventory->interrupted || !reached_all(inventory, attempt))) {
                inventory_free(TAKE_PTR(inventory));
                r = installer_repair(&run->installer, diag);
                if (r >= 0)
                        r = truth_collect(&inventory, diag);
        }
        return r < 0 ? r : settle(run, attempt, inventory, &result);
}

/* What a health check did not survive is not tried again. */
static void drop_rolled_back(const struct run *run, struct attempt *attempt)
{
        for (size_t i = attempt->step.n_items; i > 0; i--)
                if (run->outcome->packages[attempt->indexes[i - 1]].result == PACKAGE_ROLLED_BACK)
                        attempt_remove(attempt, i - 1);
}

int attempt_run(struct run *run, struct attempt *attempt, struct diag *diag)
{
        CLEANUP(freep) bool *will_change = calloc(attempt->step.n_items + 1, sizeof(bool));
        struct diag why = {0};
        int r = will_change ? 0 : -ENOMEM;

        drop_rolled_back(run, attempt);
        if (r >= 0)
                r = attempt_fetch(run, attempt, diag);
        if (r < 0 || attempt->n_own == 0)
                return r;
        r = simulate(run, &attempt->step, will_change, &why);
        if (r == -EBADMSG || r == -EINVAL) {
                attempt->was_refused = true;
                return fail_all(run, attempt, diag_text(&why, r));
        }
        if (r < 0)
                return diag_fail(diag, r, "%s", diag_text(&why, r));
        r = drop_kept_back(run, attempt, will_change, diag);
        if (r < 0 || attempt->n_own == 0)
                return r;
        r = guard_before_attempt(run, attempt);
        if (r >= 0)
                r = install(run, attempt, diag);
        return r < 0 ? r : guard_after_attempt(run, attempt, diag);
}
