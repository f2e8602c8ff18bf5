/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rolling back, as far as an outcome says: every package in it whose result is
 * PACKAGE_ROLLED_BACK is brought back to its version_from. The outcome is on disk as an intent
 * before, so that recovery can do the same again. Used by a failed health check, an administrator
 * and recovery alike.
 */

#include "apply/rollback/undo.h"
#include "apply/run/attempt.h"

/* Of an outcome that an administrator's rollback makes. */
#define ROLLBACK_TRIGGER "rollback"

/* What is not back yet. Does nothing else; -ENOENT and -EBADMSG say why it can't be done. */
int rollback_plan(struct installer *installer, const struct inventory *inventory,
                  const struct outcome *outcome, struct undo *ret, struct diag *diag) MUST_CHECK;

/*
 * Simulates, vetoes and does it. Afterwards the results are what the package database says: what
 * did not come back is PACKAGE_FAILED with the reason. Negative when that can't be known.
 */
int rollback_carry_out(struct installer *installer, struct outcome *outcome,
                       struct diag *diag) MUST_CHECK;

/* The packages of an attempt that a health check did not survive, and the checks once more. */
int rollback_attempt(struct run *run, const struct attempt *attempt, const char *broken,
                     struct diag *diag) MUST_CHECK;
