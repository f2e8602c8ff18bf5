/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* New packages that approved targets need (a kernel image behind its meta package): part of the
 * update when they come from the same source, else judged like any other. */

#include "decide/evaluate.h"

/* Sets state and reason, which it takes over. Gives -ENOMEM when reason is NULL. */
int decision_set_state(struct decision *decision, enum state state, char *reason) MUST_CHECK;

/* Second pass over decisions that were made package by package. Returns -ENOMEM. */
int needs_decide(struct decisions *decisions) MUST_CHECK;
