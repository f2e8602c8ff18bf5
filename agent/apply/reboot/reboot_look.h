/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What asks for a reboot as this boot stands now. */

#include "host/host.h"
#include "report/outcome.h"

/* With the services that still use replaced files, which are noted in services. Reasons only say
 * why one is required, never why that is not known. */
int reboot_look(const struct inventory *inventory, struct outcome *services,
                struct reboot_state *ret, struct diag *diag) MUST_CHECK;

/* After a rollback: what it changed came in this boot, so another reboot may be due, while a policy
 * of `always` is owed none for it. Noted in the outcome; what can't be found out stays open.
 * -ENOMEM. */
int reboot_look_again(struct outcome *outcome) MUST_CHECK;
