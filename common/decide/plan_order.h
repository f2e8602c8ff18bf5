/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The nodes of a plan's graph put in the smallest groups that can be installed one after another:
 * strongly connected components, what is needed first. Part of plan.c. */

#include "decide/plan_graph.h"

/*
 * Writes for each of n nodes the number of its step, 0.. in the order of installing, and how many
 * there are. Where the order is free, lower nodes come first; is_last ones come behind all others,
 * and in one step when is_last_together. Returns -ENOMEM.
 */
int plan_order(const struct plan_node *nodes, size_t n, bool is_last_together, size_t *ret_steps,
               size_t *ret_n_steps) MUST_CHECK;
