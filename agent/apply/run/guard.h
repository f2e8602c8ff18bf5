/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What surrounds the steps of a run: hooks, health checks, and what follows when one fails. */

#include "apply/run/attempt.h"

/* Pre-run hooks and the checks' baseline, then the steps. A run that the hooks refuse changes
 * nothing: run->refusal says why and its packages are skipped. Negative as steps_run(). */
int guard_run_steps(struct run *run, struct diag *diag) MUST_CHECK;

/* Keeps what the attempt replaces; that this was not possible is said, and stops nothing. */
int guard_before_attempt(struct run *run, const struct attempt *attempt) MUST_CHECK;

/* After an attempt has changed packages: the health checks. When one fails that passed before the
 * run, the attempt is rolled back. */
int guard_after_attempt(struct run *run, const struct attempt *attempt,
                        struct diag *diag) MUST_CHECK;

/* The outcome's result is judged: a refused run is called so, and the post-run hooks are run when
 * the pre-run hooks were. */
int guard_finish(struct run *run) MUST_CHECK;
