/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/steps.h"

#include "apply/archives.h"
#include "apply/recovery.h"
#include "apply/truth.h"
#include "base/str.h"
#include "host/log.h"
#include "packages/dependency.h"

#include <string.h>

/* Some packages of the run, to be installed together: a copy that borrows its items' members. */
struct attempt {
        struct plan_step step;
        size_t *indexes; /* of run->items and run->outcome->packages */
};

static void attempt_done(struct attempt *attempt)
{
        free(attempt->step.items);
        free(attempt->indexes);
        *attempt = (struct attempt){0};
}

static int attempt_init(const struct run *run, struct attempt *ret)
{
        ret->step.items = calloc(run->n_items + 1, sizeof(*ret->step.items));
        ret->indexes = calloc(run->n_items + 1, sizeof(*ret->indexes));
        return ret->step.items && ret->indexes ? 0 : -ENOMEM;
}

static void attempt_add(const struct run *run, struct attempt *attempt, size_t index)
{
        attempt->indexes[attempt->step.n_items] = index;
        attempt->step.items[attempt->step.n_items++] = *run->items[index];
}

static void attempt_remove(struct attempt *attempt, size_t at)
{
        size_t n = --attempt->step.n_items - at;

        memmove(&attempt->step.items[at], &attempt->step.items[at + 1],
                n * sizeof(*attempt->step.items));
        memmove(&attempt->indexes[at], &attempt->indexes[at + 1], n * sizeof(*attempt->indexes));
}

static const char *native_arch(const struct run *run)
{
        return run->judgement->inventory->arch;
}

static bool is_done(const struct outcome_package *package)
{
        return package->result == PACKAGE_UPDATED || package->result == PACKAGE_INSTALLED;
}

static int set_result(struct run *run, size_t index, enum package_result result,
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

/* Every package of the attempt failed for one reason. */
static int fail_all(struct run *run, const struct attempt *attempt, const char *message)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < attempt->step.n_items; i++)
                if (!is_done(&run->outcome->packages[attempt->indexes[i]]))
                        r = set_result(run, attempt->indexes[i], PACKAGE_FAILED, message);
        return r;
}

/* ---- archives ---- */

/* Takes out of the attempt what can't be had. */
static int drop_unverified(struct run *run, struct attempt *attempt, const char *fetch_text)
{
        for (size_t i = attempt->step.n_items; i > 0; i--) {
                struct diag why = {0};
                CLEANUP(freep) char *message = NULL;
                int r = archives_verify(&run->manager, &attempt->step.items[i - 1],
                                        native_arch(run), &why);

                if (r == -ENOMEM)
                        return r;
                if (r >= 0)
                        continue;
                message = str_format("%s%s%s", diag_text(&why, r), fetch_text ? "; " : "",
                                     fetch_text ?: "");
                if (!message)
                        return -ENOMEM;
                r = set_result(run, attempt->indexes[i - 1], PACKAGE_FAILED, message);
                if (r < 0)
                        return r;
                attempt_remove(attempt, i - 1);
        }
        return 0;
}

static int fetch(struct run *run, struct attempt *attempt, struct diag *diag)
{
        CLEANUP(freep) char *text = NULL;
        int r = archives_fetch(&run->manager, &attempt->step, native_arch(run), &text, diag);

        return r < 0 ? r : drop_unverified(run, attempt, text);
}

int steps_download(struct run *run, struct diag *diag)
{
        CLEANUP(attempt_done) struct attempt all = {0};
        int r = attempt_init(run, &all);

        if (r < 0)
                return r;
        for (size_t i = 0; i < run->n_items; i++)
                attempt_add(run, &all, i);
        archives_prune(&run->manager, run->items, run->n_items, native_arch(run));
        r = archives_check_space(&run->manager, &all.step, native_arch(run), diag);
        if (r < 0)
                return r;
        service_progress(run->service, "downloading", "fetching the approved packages", 0);
        return fetch(run, &all, diag);
}

/* ---- simulation ---- */

static const struct plan_item *find_item(const struct plan_step *step, const char *native,
                                         const struct backend_change *change, size_t *ret_index)
{
        for (size_t i = 0; i < step->n_items; i++) {
                const struct plan_item *item = &step->items[i];

                if (strcmp(item->name, change->name) != 0)
                        continue;
                if (!change->arch || strcmp(change->arch, "all") == 0 ||
                    strcmp(item->arch, "all") == 0 || strcmp(item->arch, change->arch) == 0 ||
                    (strcmp(change->arch, native) == 0 && strcmp(item->arch, native) == 0)) {
                        *ret_index = i;
                        return item;
                }
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

                item = change->kind == CHANGE_REMOVE
                           ? NULL
                           : find_item(step, native_arch(run), change, &index);
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
        int r = manager_allow(&run->manager, step, native_arch(run), diag);

        if (r >= 0)
                r = manager_run(&run->manager, BACKEND_SIMULATE, &result, diag);
        if (r < 0)
                return r;
        if (!manager_succeeded(&result) || result.is_cut) {
                text = spawn_describe(&result);
                return diag_fail(diag, -EBADMSG, "the simulation failed: %s", text ?: "?");
        }
        r = run->manager.backend->parse_simulation(result.output.data ?: "", &changes);
        return r < 0 ? r : compare_changes(run, step, &changes, will_change, diag);
}

/* Takes out of the attempt what the package manager would not touch. */
static int drop_kept_back(struct run *run, struct attempt *attempt, const bool *will_change)
{
        int r = 0;

        for (size_t i = attempt->step.n_items; r >= 0 && i > 0; i--) {
                if (will_change[i - 1])
                        continue;
                r = set_result(run, attempt->indexes[i - 1], PACKAGE_FAILED,
                               "the package manager keeps it back: something it needs or breaks "
                               "has no approved version");
                attempt_remove(attempt, i - 1);
        }
        return r;
}

/* ---- installing ---- */

static void log_package(const struct run *run, const struct outcome_package *package)
{
        const struct event_fields fields = {
            .run_id = run->run_id,
            .policy_id = run->outcome->policy_id,
            .policy_version = run->outcome->policy_version,
            .package = package->name,
            .version_from = package->version_from,
            .version_to = package->version_to,
            .result = enum_name(&package_result_names, (int)package->result),
            .advisories = package->advisories,
            .reason = package->message,
        };

        log_event(is_done(package) ? EVENT_PACKAGE_UPDATED : EVENT_PACKAGE_FAILED, &fields);
}

/* What the database has now is the result, whatever the package manager said. */
static int settle(struct run *run, const struct attempt *attempt, const struct inventory *inventory,
                  const struct spawn_result *result)
{
        CLEANUP(freep) char *call = manager_succeeded(result) ? NULL : spawn_describe(result);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < attempt->step.n_items; i++) {
                const struct plan_item *item = &attempt->step.items[i];
                CLEANUP(freep) char *found = NULL, *message = NULL;
                CLEANUP(freep) char *note = manager_note(&run->manager, item->name);
                bool is_there =
                    truth_is_installed(inventory, item->name, item->arch, item->version_to, &found);

                if (is_there) {
                        r = set_result(run, attempt->indexes[i],
                                       item->is_new ? PACKAGE_INSTALLED : PACKAGE_UPDATED, note);
                        continue;
                }
                message = str_format("%s%s%s%s%s", note ?: "", note ? "; " : "", found ?: "?",
                                     call ? "; " : "", call ?: "");
                r = message ? set_result(run, attempt->indexes[i], PACKAGE_FAILED, message)
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
        int r = manager_allow(&run->manager, &attempt->step, native_arch(run), diag);

        if (r >= 0)
                r = manager_run(&run->manager, BACKEND_INSTALL, &result, diag);
        if (r >= 0)
                r = truth_collect(&inventory, diag);
        if (r >= 0 && (inventory->interrupted || !reached_all(inventory, attempt))) {
                inventory_free(TAKE_PTR(inventory));
                r = recovery_repair(&run->manager, diag);
                if (r >= 0)
                        r = truth_collect(&inventory, diag);
        }
        return r < 0 ? r : settle(run, attempt, inventory, &result);
}

/* Verify, simulate, compare, install, verify. Leaves the reason with every package it failed. */
static int try_attempt(struct run *run, struct attempt *attempt, struct diag *diag)
{
        CLEANUP(freep) bool *will_change = calloc(attempt->step.n_items + 1, sizeof(bool));
        struct diag why = {0};
        int r = will_change ? fetch(run, attempt, diag) : -ENOMEM;

        if (r < 0 || attempt->step.n_items == 0)
                return r;
        r = simulate(run, &attempt->step, will_change, &why);
        if (r == -EBADMSG || r == -EINVAL)
                return fail_all(run, attempt, diag_text(&why, r));
        if (r < 0)
                return diag_fail(diag, r, "%s", diag_text(&why, r));
        r = drop_kept_back(run, attempt, will_change);
        if (r < 0 || attempt->step.n_items == 0)
                return r;
        return install(run, attempt, diag);
}

/* ---- one by one ---- */

struct closure {
        const struct run *run;
        size_t first, end; /* of the step's items */
        bool *wanted;      /* per item of the run */
        bool grew;
};

static int want_dependency(const struct dependency *dependency, void *arg)
{
        struct closure *closure = arg;

        for (size_t i = closure->first; i < closure->end; i++)
                if (!closure->wanted[i] &&
                    strcmp(closure->run->items[i]->name, dependency->name) == 0 &&
                    !is_done(&closure->run->outcome->packages[i]))
                        closure->wanted[i] = closure->grew = true;
        return 0;
}

/* The package and, over any number of links, what of the step it depends on. */
static int add_closure(const struct run *run, size_t first, size_t end, size_t index,
                       struct attempt *attempt)
{
        CLEANUP(freep) bool *wanted = calloc(run->n_items + 1, sizeof(*wanted));
        struct closure closure = {.run = run, .first = first, .end = end, .wanted = wanted};

        if (!wanted)
                return -ENOMEM;
        wanted[index] = true;
        do {
                closure.grew = false;
                for (size_t i = first; i < end; i++)
                        if (wanted[i])
                                (void)dependency_for_each(run->items[i]->target->depends ?: "",
                                                          want_dependency, &closure);
        } while (closure.grew);
        for (size_t i = first; i < end; i++)
                if (wanted[i])
                        attempt_add(run, attempt, i);
        return 0;
}

static int skip(struct run *run, size_t first, size_t end, const char *reason)
{
        int r = 0;

        for (size_t i = first; r >= 0 && i < end; i++)
                if (run->outcome->packages[i].result == PACKAGE_SKIPPED)
                        r = set_result(run, i, PACKAGE_SKIPPED, reason);
        return r;
}

/* What failed together may work alone. */
static int retry_one_by_one(struct run *run, size_t first, size_t end, struct diag *diag)
{
        int r = 0;

        for (size_t i = first; r >= 0 && i < end; i++) {
                CLEANUP(attempt_done) struct attempt attempt = {0};
                CLEANUP(freep) char *reason = run_stop_reason(run);

                if (!reason)
                        return -ENOMEM;
                if (reason[0])
                        return 0;
                if (is_done(&run->outcome->packages[i]) || run->items[i]->is_new)
                        continue;
                r = attempt_init(run, &attempt);
                if (r >= 0)
                        r = add_closure(run, first, end, i, &attempt);
                if (r >= 0 && attempt.step.n_items < end - first)
                        r = try_attempt(run, &attempt, diag);
        }
        return r;
}

static bool all_done(const struct run *run, size_t first, size_t end)
{
        for (size_t i = first; i < end; i++)
                if (!is_done(&run->outcome->packages[i]))
                        return false;
        return true;
}

static int run_step(struct run *run, size_t first, size_t end, struct diag *diag)
{
        CLEANUP(attempt_done) struct attempt attempt = {0};
        int r = attempt_init(run, &attempt);

        if (r < 0)
                return r;
        for (size_t i = first; i < end; i++)
                attempt_add(run, &attempt, i);
        r = try_attempt(run, &attempt, diag);
        if (r >= 0 && end - first > 1 && !all_done(run, first, end))
                r = retry_one_by_one(run, first, end, diag);
        for (size_t i = first; r >= 0 && i < end; i++)
                log_package(run, &run->outcome->packages[i]);
        return r;
}

int steps_run(struct run *run, struct diag *diag)
{
        size_t first = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < run->plan->n_steps; i++) {
                size_t end = first + run->plan->steps[i].n_items;
                CLEANUP(freep) char *reason = run_stop_reason(run);

                if (!reason)
                        return -ENOMEM;
                if (reason[0])
                        return skip(run, first, run->n_items, reason);
                r = run_step(run, first, end, diag);
                first = end;
        }
        return r;
}
