/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rolling back a run of which a health check says only after the reboot that it broke something.
 * Which of its packages did can't be told, so all that can be brought back is, together and once;
 * what can't (a kernel that runs, a version that is not kept) stays and is named in the outcome.
 */

#include "apply/service.h"
#include "packages/inventory.h"
#include "report/outcome.h"

/* broken: the checks that fail, and what they said. Unless the reboot is not to blame, or the node
 * is not to be changed: an intent in the phase "finished", then the rollback. The outcome is left
 * for the caller to write, which ends the intent. Negative when what is there can't be known; the
 * intent is then taken up again by after_boot_resume(). */
int after_boot_roll_back(struct service *service, const struct inventory *inventory,
                         const char *broken, struct outcome *outcome, struct diag *diag) MUST_CHECK;

/* Brings one that was interrupted to its end, from its intent. */
int after_boot_resume(struct service *service, struct outcome *outcome,
                      struct diag *diag) MUST_CHECK;
