/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/reboot/after_boot.h"

#include "apply/packages/installer.h"
#include "apply/packages/truth.h"
#include "apply/reboot/reboot_look.h"
#include "apply/rollback/kept.h"
#include "apply/rollback/kernel_guard.h"
#include "apply/rollback/rollback.h"
#include "apply/run/attempt.h"
#include "apply/scripts/health.h"
#include "apply/state.h"
#include "base/str.h"

#include <string.h>

static int add_to_message(struct outcome *outcome, const char *text)
{
        return str_replace(&outcome->message, str_format("%s; %s", outcome->message ?: "", text));
}

/* ---- whether ---- */

/* Why the node is left as it is; NULL: it is not. Texts that are not freed. */
static int find_refusal(const struct service *service, const struct config *config,
                        const struct outcome *outcome, const char **ret)
{
        bool is_paused = false;
        time_t until;

        *ret = NULL;
        if (apply_state_pause(service->paths, time(NULL), &is_paused, &until, NULL) == -ENOMEM)
                return -ENOMEM;
        if (!script_results_broke_at_boot(&outcome->scripts))
                *ret = "nothing is rolled back: it failed before the reboot already";
        else if (is_paused)
                *ret = "nothing is rolled back: an administrator paused the node";
        else if (config->force_scan)
                *ret = "nothing is rolled back: [apply] mode is scan";
        return 0;
}

/* ---- what ---- */

/* Why one package can't go back; NULL: it can. Owned. */
static int find_obstacle(const struct installer *installer, const struct inventory *inventory,
                         const struct outcome *outcome, const struct outcome_package *package,
                         char **ret)
{
        CLEANUP(kept_done) struct kept kept = {0};
        struct diag why = {0};
        int r = kernel_guard_ask(inventory, outcome, package, ret);

        if (r < 0 || *ret || !package->version_from)
                return r;
        r = kept_find(installer, package->name, package->version_from, package->arch, &kept, &why);
        if (r >= 0 || r == -ENOMEM)
                return r;
        *ret = strdup(diag_text(&why, r));
        return *ret ? 0 : -ENOMEM;
}

/* Marks all, then takes out what stays: a kernel may stay because of another that would go. */
static int choose(const struct installer *installer, const struct inventory *inventory,
                  const char *broken, struct outcome *outcome, size_t *ret_n)
{
        CLEANUP(freep) bool *is_chosen = calloc(outcome->n_packages + 1, sizeof(*is_chosen));
        int r = is_chosen ? 0 : -ENOMEM;

        *ret_n = 0;
        for (size_t i = 0; r >= 0 && i < outcome->n_packages; i++)
                if ((is_chosen[i] = attempt_is_done(&outcome->packages[i])))
                        outcome->packages[i].result = PACKAGE_ROLLED_BACK;
        for (size_t i = 0; r >= 0 && i < outcome->n_packages; i++) {
                struct outcome_package *package = &outcome->packages[i];
                CLEANUP(freep) char *stays = NULL;

                if (!is_chosen[i])
                        continue;
                r = find_obstacle(installer, inventory, outcome, package, &stays);
                if (r < 0)
                        return r;
                if (stays)
                        package->result =
                            package->version_from ? PACKAGE_UPDATED : PACKAGE_INSTALLED;
                *ret_n += !stays;
                r = str_replace(&package->message, stays
                                                       ? str_format("not rolled back: %s", stays)
                                                       : str_format("after the reboot %s", broken));
        }
        return r;
}

/* ---- afterwards ---- */

static int count(struct outcome *outcome)
{
        CLEANUP(freep) char *text = NULL;
        size_t n_back = 0, n_all = 0;

        for (size_t i = 0; i < outcome->n_packages; i++) {
                n_back += outcome->packages[i].result == PACKAGE_ROLLED_BACK;
                n_all += outcome->packages[i].version_to != NULL;
        }
        text = str_format("%zu of %zu packages are rolled back", n_back, n_all);
        return text ? add_to_message(outcome, text) : -ENOMEM;
}

static int check_again(struct service *service, const struct config *config,
                       struct outcome *outcome)
{
        CLEANUP(freep) char *still = NULL, *text = NULL;
        int r = health_check(service, config, SCRIPT_AFTER_BOOT, 0, NULL, outcome, &still);

        if (r < 0)
                return r;
        text = still ? str_format("the node is not well even after that: %s", still)
                     : strdup("the checks pass again");
        return text ? add_to_message(outcome, text) : -ENOMEM;
}

/* From the intent on. */
static int carry_out(struct installer *installer, const struct config *config,
                     struct outcome *outcome, struct diag *diag)
{
        int r = rollback_carry_out(installer, outcome, diag);

        if (r >= 0)
                r = count(outcome);
        if (r >= 0)
                r = check_again(installer->service, config, outcome);
        if (r >= 0)
                r = reboot_look_again(outcome);
        if (r < 0)
                return r;
        outcome->result = outcome_judge(outcome);
        outcome->finished_at = time(NULL);
        return 0;
}

/* ---- entry ---- */

int after_boot_roll_back(struct service *service, const struct inventory *inventory,
                         const char *broken, struct outcome *outcome, struct diag *diag)
{
        CLEANUP(installer_done) struct installer installer = {0};
        CLEANUP(config_freep) struct config *config = NULL;
        const char *refusal = NULL;
        size_t n = 0;
        int r = config_load(service->paths, &config, diag);

        if (r >= 0)
                r = find_refusal(service, config, outcome, &refusal);
        if (r < 0 || refusal)
                return r < 0 ? r : add_to_message(outcome, refusal);
        r = installer_init(service, backend_for(inventory->format), &installer, diag);
        if (r >= 0)
                r = choose(&installer, inventory, broken, outcome, &n);
        if (r >= 0 && n == 0)
                return add_to_message(outcome, "nothing of the run can be rolled back");
        if (r >= 0)
                r = state_write_intent(service->paths, outcome, diag);
        return r < 0 ? r : carry_out(&installer, config, outcome, diag);
}

int after_boot_resume(struct service *service, struct outcome *outcome, struct diag *diag)
{
        CLEANUP(inventory_freep) struct inventory *inventory = NULL;
        CLEANUP(installer_done) struct installer installer = {0};
        CLEANUP(config_freep) struct config *config = NULL;
        int r = config_load(service->paths, &config, diag);

        if (r >= 0)
                r = truth_collect(&inventory, diag);
        if (r >= 0)
                r = installer_init(service, backend_for(inventory->format), &installer, diag);
        if (r >= 0)
                r = installer_repair(&installer, diag);
        if (r >= 0)
                r = add_to_message(outcome, "the rollback was interrupted, repaired");
        return r < 0 ? r : carry_out(&installer, config, outcome, diag);
}
