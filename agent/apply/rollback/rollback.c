/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rollback/rollback.h"

#include "apply/packages/installer.h"
#include "apply/packages/truth.h"
#include "apply/rollback/kernel_guard.h"
#include "apply/rollback/vetoes.h"
#include "apply/run/attempt.h"
#include "apply/scripts/health.h"
#include "base/str.h"
#include "host/log.h"

#include <string.h>

static bool is_to_go_back(const struct inventory *inventory, const struct outcome_package *package)
{
        return package->result == PACKAGE_ROLLED_BACK && !undo_is_back(inventory, package, NULL);
}

static int add(struct undo *undo, struct installer *installer, const struct inventory *inventory,
               const struct outcome *outcome, const struct outcome_package *package,
               struct diag *diag)
{
        CLEANUP(freep) char *stays = NULL;
        int r = kernel_guard_ask(inventory, outcome, package, &stays);

        if (stays)
                return diag_fail(diag, -EBADMSG, "%s", stays);
        return r < 0 ? r : undo_add(undo, installer, inventory, package, diag);
}

int rollback_plan(struct installer *installer, const struct inventory *inventory,
                  const struct outcome *outcome, struct undo *ret, struct diag *diag)
{
        CLEANUP(undo_done) struct undo undo = {0};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < outcome->n_packages; i++)
                if (is_to_go_back(inventory, &outcome->packages[i]))
                        r = add(&undo, installer, inventory, outcome, &outcome->packages[i], diag);
        if (r >= 0 && undo.n_items > 0)
                r = undo_simulate(&undo, installer, inventory, diag);
        if (r < 0)
                return r;
        *ret = undo;
        undo = (struct undo){0};
        return 0;
}

/* ---- results ---- */

static void say(const struct outcome *outcome, const struct outcome_package *package)
{
        const struct event_fields fields = {
            .run_id = outcome->run_id,
            .policy_id = outcome->policy_id,
            .policy_version = outcome->policy_version,
            .package = package->name,
            .version_from = package->version_from,
            .version_to = package->version_to,
            .result = enum_name(&package_result_names, (int)package->result),
            .reason = package->message,
        };

        log_event(package->result == PACKAGE_ROLLED_BACK ? EVENT_PACKAGE_ROLLED_BACK
                                                         : EVENT_PACKAGE_FAILED,
                  &fields);
}

/* pending: what was not back before. said: how the package manager failed, or why it was not even
 * asked; NULL: it did not. */
static int settle(struct outcome *outcome, const bool *pending, const struct inventory *inventory,
                  const char *said)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < outcome->n_packages; i++) {
                struct outcome_package *package = &outcome->packages[i];
                CLEANUP(freep) char *found = NULL;

                if (!pending[i])
                        continue;
                if (!undo_is_back(inventory, package, &found)) {
                        package->result = PACKAGE_FAILED;
                        r = str_replace(&package->message,
                                        str_format("could not be rolled back: %s%s%s; %s",
                                                   said ?: "", said ? "; " : "", found ?: "?",
                                                   package->message ?: ""));
                }
                if (r >= 0)
                        say(outcome, package);
        }
        return r;
}

/* ---- doing it ---- */

static int veto_all(const struct undo *undo, const struct paths *paths,
                    const struct outcome *outcome, struct diag *diag)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < undo->n_items; i++)
                if (undo->items[i].package->version_from)
                        r = vetoes_add(paths, undo->items[i].package, outcome->run_id, diag);
        return r;
}

static int execute(struct installer *installer, const struct undo *undo, struct outcome *outcome,
                   const bool *pending, struct inventory **inventory, struct diag *diag)
{
        CLEANUP(freep) char *said = NULL;
        int r = veto_all(undo, installer->service->paths, outcome, diag);

        if (r >= 0)
                r = undo_install(undo, installer, *inventory, &said, diag);
        if (r >= 0 && said)
                r = installer_repair(installer, diag);
        if (r < 0)
                return r;
        inventory_free(TAKE_PTR(*inventory));
        r = truth_collect(inventory, diag);
        return r < 0 ? r : settle(outcome, pending, *inventory, said);
}

int rollback_carry_out(struct installer *installer, struct outcome *outcome, struct diag *diag)
{
        CLEANUP(inventory_freep) struct inventory *inventory = NULL;
        CLEANUP(freep) bool *pending = calloc(outcome->n_packages + 1, sizeof(*pending));
        CLEANUP(undo_done) struct undo undo = {0};
        struct diag why = {0};
        int r = pending ? truth_collect(&inventory, diag) : -ENOMEM;

        if (r < 0)
                return r;
        for (size_t i = 0; i < outcome->n_packages; i++)
                pending[i] = is_to_go_back(inventory, &outcome->packages[i]);
        service_progress(installer->service, "rolling-back", "bringing back what was replaced");
        r = rollback_plan(installer, inventory, outcome, &undo, &why);
        if (r == -ENOENT || r == -EBADMSG || r == -EINVAL)
                return settle(outcome, pending, inventory, diag_text(&why, r));
        if (r < 0)
                return diag_fail(diag, r, "%s", diag_text(&why, r));
        return undo.n_items > 0 ? execute(installer, &undo, outcome, pending, &inventory, diag) : 0;
}

/* ---- after a failed health check ---- */

static int mark(struct run *run, const struct attempt *attempt, const char *broken)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < attempt->step.n_items; i++)
                if (attempt_is_done(&run->outcome->packages[attempt->indexes[i]]))
                        r = attempt_set_result(run, attempt->indexes[i], PACKAGE_ROLLED_BACK,
                                               broken);
        return r;
}

int rollback_attempt(struct run *run, const struct attempt *attempt, const char *broken,
                     struct diag *diag)
{
        CLEANUP(freep) char *still = NULL;
        int r = mark(run, attempt, broken);

        if (r >= 0)
                r = state_write_intent(run->service->paths, run->outcome, diag);
        if (r >= 0)
                r = rollback_carry_out(&run->installer, run->outcome, diag);
        if (r >= 0)
                r = health_check(run->service, run->config, SCRIPT_AFTER_STEP, run->n_attempts,
                                 NULL, run->outcome, &still);
        if (r < 0 || !still)
                return r;
        run->trouble =
            str_format("not started: the node is not well even after a rollback: %s", still);
        return run->trouble ? 0 : -ENOMEM;
}
