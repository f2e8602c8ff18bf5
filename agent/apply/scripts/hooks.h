/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An administrator's programs around a run: /etc/patchd/hooks.d/pre-run and post-run, each a
 * program or a folder of programs. What they said is added to the outcome and, when they failed, to
 * the journal.
 */

#include "apply/service.h"
#include "report/outcome.h"

/* Once the intent is on disk, before anything changes; stops at the first that fails. *ret_refusal
 * (owned): why nothing may be changed; untouched when the run may go on. -ENOMEM. */
int hooks_pre_run(const struct service *service, const struct config *config,
                  struct outcome *outcome, char **ret_refusal) MUST_CHECK;

/* After every run whose pre-run hooks were started, also one that they refused or that was
 * interrupted; outcome->result is known. Failing changes nothing. -ENOMEM. */
int hooks_post_run(const struct service *service, const struct config *config,
                   struct outcome *outcome) MUST_CHECK;
