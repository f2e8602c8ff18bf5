/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Health checks: the programs of /etc/patchd/checks.d. Asked once before the first step, so that a
 * check which fails already is told apart from one that a step has broken; then after each step and
 * after a reboot. What they said is added to the outcome, where also stands how it was before.
 */

#include "apply/service.h"
#include "report/outcome.h"

/* Before the first step. -ENOMEM. */
int health_baseline(const struct service *service, const struct config *config,
                    struct outcome *outcome) MUST_CHECK;

/*
 * Asks again, phase SCRIPT_AFTER_STEP or SCRIPT_AFTER_BOOT. *ret_broken (owned) names the checks
 * that fail now and passed before, with what they said; untouched when there are none. step and
 * packages are for the checks' environment; step 0, packages NULL: none. -ENOMEM.
 */
int health_check(const struct service *service, const struct config *config,
                 enum script_phase phase, int step, const char *packages, struct outcome *outcome,
                 char **ret_broken) MUST_CHECK;
