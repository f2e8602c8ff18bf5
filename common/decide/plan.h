/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Decisions put in order: the steps of a run. Each step is as small as dependencies allow and
 * needs nothing but what earlier steps bring. Security updates and higher severities come first
 * where the order is free. The libraries that patchd uses come last, and in one step with patchd's
 * own packages when these are updated. What is in no plan is never installed. The package manager's
 * simulation is held against the plan before each step.
 */

#include "decide/evaluate.h"

struct plan_item {
        char *name, *arch;
        char *version_from; /* NULL: new */
        char *version_to;
        char *advisories; /* joined by a blank; "" */
        bool is_new;
        const struct available *target; /* of the inventory the decisions were made on */
        size_t *needs; /* items, counted over all steps, that must be there before it or come with
                          it; sorted */
        size_t n_needs;
};

struct plan_step {
        struct plan_item *items; /* by name */
        size_t n_items;
        bool is_self; /* holds patchd's own packages */
};

struct plan {
        struct plan_step *steps;
        size_t n_steps;
};

void plan_free(struct plan *plan);
DEFINE_CLEANUP(struct plan, plan_free);

/* A name and version that somebody asked for; the plan is the approved part of it. */
struct plan_request {
        const struct package_note *packages; /* text unused */
        size_t n_packages;
        bool all; /* everything approved */
};

/* Every decision in state missing or failed that has a target and passes the request, and the new
 * packages their targets need. Returns -ENOMEM. An empty plan has no steps. */
int plan_build(const struct decisions *decisions, const struct plan_request *request,
               struct plan **ret) MUST_CHECK;

const struct plan_item *plan_find(const struct plan *plan, const char *name, const char *arch);
size_t plan_n_items(const struct plan *plan);
