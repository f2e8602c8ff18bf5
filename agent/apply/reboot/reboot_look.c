/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/reboot/reboot_look.h"

#include "apply/packages/truth.h"
#include "apply/reboot/services.h"
#include "base/str.h"
#include "decide/reboot.h"
#include "host/log.h"

#include <string.h>

/* needrestart may be wrong about some hosts, and says then the same after each boot. */
static int add_services(struct outcome *services, struct reboot_state *state)
{
        size_t n_before = state->reasons.n_items;
        int r = services_look(services);

        if (r >= 0)
                r = reboot_service_reasons(&services->services_to_restart, &state->reasons);
        if (state->reasons.n_items > n_before)
                state->required = REBOOT_REQUIRED_YES;
        return r;
}

int reboot_look(const struct inventory *inventory, struct outcome *services,
                struct reboot_state *ret, struct diag *diag)
{
        CLEANUP(reboot_state_done) struct reboot_state state = {0};
        CLEANUP(root_done) struct root root = {.fd = -EBADF};
        CLEANUP(node_done) struct node node = {0};
        int r = root_open("/", &root, diag);

        if (r >= 0)
                r = host_node(&root, NULL, NULL, "", &node, diag);
        if (r >= 0)
                r = host_reboot_state(&root, &node, inventory, &state, diag);
        if (r < 0)
                return r;
        if (state.required != REBOOT_REQUIRED_YES)
                strv_done(&state.reasons);
        r = add_services(services, &state);
        if (r < 0)
                return r;
        *ret = state;
        state = (struct reboot_state){0};
        return 0;
}

/* ---- after a rollback ---- */

static int describe(const struct reboot_state *state, struct outcome *outcome)
{
        char *text;

        outcome->reboot_required = state->required == REBOOT_REQUIRED_YES;
        if (state->reasons.n_items == 0 && outcome->reboot)
                return 0;
        text = state->reasons.n_items == 0
                   ? strdup("not needed")
                   : str_format("%s%sone is required after the rollback: %s", outcome->reboot ?: "",
                                outcome->reboot ? "; " : "", state->reasons.items[0]);
        return str_replace(&outcome->reboot, text);
}

int reboot_look_again(struct outcome *outcome)
{
        CLEANUP(inventory_freep) struct inventory *inventory = NULL;
        CLEANUP(reboot_state_done) struct reboot_state state = {0};
        char *boot_id = host_boot_id();
        struct diag why = {0};
        int r;

        if (!boot_id)
                return -ENOMEM;
        free(outcome->boot_id);
        outcome->boot_id = boot_id;
        free(outcome->reboot_owed_by);
        outcome->reboot_owed_by = NULL;
        strv_done(&outcome->services_to_restart);
        r = truth_collect(&inventory, &why);
        if (r >= 0)
                r = reboot_look(inventory, outcome, &state, &why);
        if (r >= 0)
                return describe(&state, outcome);
        log_line(LOG_LEVEL_WARNING,
                 "whether a reboot is needed after the rollback is not known: %s",
                 diag_text(&why, r));
        return r == -ENOMEM ? r : 0;
}
