/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which packages have or provide a name, now and when a plan is done. Part of plan_graph.c. */

#include "decide/plan_graph.h"
#include "packages/dependency.h"

#define PLAN_NOT_PLANNED SIZE_MAX

struct plan_offer {
        const char *name, *version; /* version NULL: an unversioned Provides */
        size_t node;                /* PLAN_NOT_PLANNED: of a package that stays as it is */
        bool before, after;         /* now; when the plan is done */
};

struct plan_offers {
        struct plan_offer *items; /* sorted by name */
        size_t n_items, capacity;
        struct strv texts; /* of Provides fields */
};
void plan_offers_done(struct plan_offers *offers);

/* Fills an empty struct from installed packages and the nodes' targets; borrows from them. -ENOMEM,
 * and ret is to be freed all the same. */
int plan_offers_collect(const struct decisions *decisions, const struct plan_node *nodes, size_t n,
                        struct plan_offers *ret) MUST_CHECK;

/* Where the offers of a name begin. */
size_t plan_offers_first(const struct plan_offers *offers, const char *name);

/* The offer at *at, or the next of its name, that the dependency means; NULL: no more. */
const struct plan_offer *plan_offers_next(const struct plan_offers *offers,
                                          const struct dependency *dependency, size_t *at);

/* The node of a package, or PLAN_NOT_PLANNED. */
size_t plan_offers_find_node(const struct plan_node *nodes, size_t n,
                             const struct package *package);
