/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What binds the items of a plan to each other: the dependencies of the targets and of the
 * installed versions, what they break and what they provide. Where a field leaves a choice, the
 * first alternative that works is taken; where it leaves a doubt, the items are bound. Part of
 * plan.c.
 */

#include "decide/evaluate.h"

struct plan_node {
        const struct decision *decision; /* with a target */
        size_t
            *needs; /* sorted: nodes that must be at their target before it or together with it */
        size_t n_needs;
        bool is_last; /* patchd, a library of it, or what needs one of these */
};

/* Patchd's own packages. */
bool plan_graph_is_self(const char *name);

/* Fills needs and is_last of n nodes. A new package is bound to one that needs it, because the
 * package manager installs none for its own sake. Returns -ENOMEM. */
int plan_graph_link(const struct decisions *decisions, struct plan_node *nodes,
                    size_t n) MUST_CHECK;

void plan_graph_done(struct plan_node *nodes, size_t n);
