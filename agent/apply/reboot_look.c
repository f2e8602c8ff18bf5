/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/reboot_look.h"

#include "apply/services.h"
#include "decide/reboot.h"

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
