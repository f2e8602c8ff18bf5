/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What became of reboots that were asked for: after the boot the run behind one is verified against
 * the package database once more and ended; one that did not come is said so. Called with the run
 * lock held.
 */

#include "apply/dispatch.h"
#include "base/strv.h"

/* Takes the runs that await a reboot, still or again, out of run_ids; the others are interrupted
 * ones. */
int reboot_settle(struct service *service, struct strv *run_ids, time_t now,
                  struct diag *diag) MUST_CHECK;

/* Ends what is open: interrupted runs, and runs whose reboot came. For the daemon's cycle. */
METHOD_HANDLER(reboot_settle_handle);
