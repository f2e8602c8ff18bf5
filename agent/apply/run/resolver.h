/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Asks the package manager, under the allow-list, whether it would take all that is approved,
 * before anything is fetched or installed. What it keeps back, though nothing known is against it
 * (decide/needs.h), becomes a fact on disk with its words: it stays missing, is in no plan, and has
 * not failed, until policy or indexes change or it is asked again.
 */

#include "apply/run/run.h"

/* Leaves run->judgement decided by what was learned. Returns -ENOMEM, and what writing or calling
 * failed with; that the package manager refuses to answer is no error. */
int resolver_ask(struct run *run, struct diag *diag) MUST_CHECK;
