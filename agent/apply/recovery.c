/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/recovery.h"

#include "apply/packages/truth.h"
#include "apply/reboot/reboot_settle.h"
#include "apply/rollback/rollback.h"
#include "apply/scripts/hooks.h"
#include "apply/state.h"
#include "base/str.h"
#include "host/log.h"

#include <string.h>

static int judge_package(const struct inventory *inventory, struct outcome_package *package)
{
        CLEANUP(freep) char *text = NULL;

        free(package->message);
        package->message = NULL;
        if (!package->version_to) {
                package->result = truth_is_gone(inventory, package->name, package->arch)
                                      ? PACKAGE_REMOVED
                                      : PACKAGE_SKIPPED;
                package->message = strdup("the run was interrupted");
                return package->message ? 0 : -ENOMEM;
        }
        if (truth_is_installed(inventory, package->name, package->arch, package->version_to,
                               &text)) {
                package->result = package->version_from ? PACKAGE_UPDATED : PACKAGE_INSTALLED;
                return 0;
        }
        /* Untouched is not failed. */
        package->result =
            package->version_from && truth_is_installed(inventory, package->name, package->arch,
                                                        package->version_from, NULL)
                ? PACKAGE_SKIPPED
                : PACKAGE_FAILED;
        package->message = str_format("the run was interrupted%s%s",
                                      package->result == PACKAGE_FAILED && text ? ": " : "",
                                      package->result == PACKAGE_FAILED && text ? text : "");
        return package->message ? 0 : -ENOMEM;
}

/* Its pre-run hooks may have been started. */
static int end_hooks(const struct service *service, struct outcome *outcome)
{
        CLEANUP(config_freep) struct config *config = NULL;
        struct diag why = {0};
        int r;

        if (str_equal(outcome->trigger, ROLLBACK_TRIGGER))
                return 0;
        r = config_load(service->paths, &config, &why);
        if (r >= 0)
                return hooks_post_run(service, config, outcome);
        log_line(LOG_LEVEL_WARNING, "the post-run hooks of %s were not run: %s", outcome->run_id,
                 diag_text(&why, r));
        return r == -ENOMEM ? r : 0;
}

static int close_run(struct service *service, const struct inventory *inventory,
                     const bool *was_going_back, struct outcome *outcome, time_t now,
                     struct diag *diag)
{
        bool is_healthy = !inventory->interrupted && inventory->broken.n_items == 0;
        struct event_fields fields = {.run_id = outcome->run_id,
                                      .policy_id = outcome->policy_id,
                                      .policy_version = outcome->policy_version};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < outcome->n_packages; i++)
                if (!was_going_back[i])
                        r = judge_package(inventory, &outcome->packages[i]);
        if (r < 0)
                return r;
        free(outcome->message);
        outcome->message =
            is_healthy ? strdup("interrupted, repaired")
                       : str_format("interrupted, and the repair did not help: %s",
                                    inventory->broken.n_items > 0 ? inventory->broken.items[0]
                                                                  : "dpkg's journal is not empty");
        if (!outcome->message)
                return -ENOMEM;
        outcome->result = RUN_INTERRUPTED;
        outcome->finished_at = now;
        r = end_hooks(service, outcome);
        if (r >= 0)
                r = state_write_outcome(service->paths, outcome, diag);
        if (r >= 0)
                r = state_remove_intent(service->paths, outcome->run_id, diag);
        if (r < 0)
                return r;
        fields.result = enum_name(&run_result_names, (int)outcome->result);
        fields.reason = outcome->message;
        log_event(EVENT_RUN_REPAIRED, &fields);
        return 0;
}

/* A rollback that was begun is brought to its end. */
static int go_on_back(struct service *service, struct inventory **inventory,
                      struct outcome *outcome, bool *was_going_back, struct diag *diag)
{
        CLEANUP(installer_done) struct installer installer = {0};
        size_t n = 0;
        int r;

        for (size_t i = 0; i < outcome->n_packages; i++)
                n += was_going_back[i] = outcome->packages[i].result == PACKAGE_ROLLED_BACK;
        if (n == 0)
                return 0;
        r = installer_init(service, backend_for((*inventory)->format), &installer, diag);
        if (r >= 0)
                r = rollback_carry_out(&installer, outcome, diag);
        if (r < 0)
                return r;
        inventory_free(TAKE_PTR(*inventory));
        return truth_collect(inventory, diag);
}

/* An intent that can't be read tells nothing about packages, but its run must not stay open. */
static int close_intent(struct service *service, struct inventory **inventory, const char *run_id,
                        time_t now, struct diag *diag)
{
        CLEANUP(outcome_freep) struct outcome *outcome = NULL;
        CLEANUP(freep) bool *was_going_back = NULL;
        int r = state_read_intent(service->paths, run_id, &outcome, NULL);

        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                outcome = calloc(1, sizeof(*outcome));
                if (!outcome || !(outcome->run_id = strdup(run_id)))
                        return -ENOMEM;
                outcome->started_at = now;
        }
        was_going_back = calloc(outcome->n_packages + 1, sizeof(*was_going_back));
        if (!was_going_back)
                return -ENOMEM;
        r = go_on_back(service, inventory, outcome, was_going_back, diag);
        return r < 0 ? r : close_run(service, *inventory, was_going_back, outcome, now, diag);
}

static int repair_host(struct service *service, struct inventory **ret, struct diag *diag)
{
        CLEANUP(inventory_freep) struct inventory *before = NULL;
        CLEANUP(installer_done) struct installer installer = {0};
        int r = truth_collect(&before, diag);

        if (r >= 0)
                r = installer_init(service, backend_for(before->format), &installer, diag);
        if (r >= 0)
                r = installer_repair(&installer, diag);
        return r < 0 ? r : truth_collect(ret, diag);
}

int recovery_run(struct service *service, time_t now, struct diag *diag)
{
        CLEANUP(inventory_freep) struct inventory *inventory = NULL;
        CLEANUP(strv_done) struct strv run_ids = {0};
        int r = state_intents(service->paths, &run_ids, diag);

        if (r >= 0)
                r = reboot_settle(service, &run_ids, now, diag);
        if (r < 0 || run_ids.n_items == 0)
                return r;
        service_progress(service, "repairing", "an interrupted run is repaired");
        r = repair_host(service, &inventory, diag);
        for (size_t i = 0; r >= 0 && i < run_ids.n_items; i++)
                r = close_intent(service, &inventory, run_ids.items[i], now, diag);
        return r;
}
