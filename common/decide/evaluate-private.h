/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the passes over decisions share (evaluate.c, needs*.c). */

#include "decide/evaluate.h"

/* Sets state and reason, which it takes over. Gives -ENOMEM when reason is NULL. */
int decision_set_state(struct decision *decision, enum state state, char *reason) MUST_CHECK;

/* State and reason from target and shown (not NULL), as if nothing else were there. Returns
 * -ENOMEM. */
int decision_judge_shown(const struct evaluate_input *input, struct decision *decision) MUST_CHECK;
