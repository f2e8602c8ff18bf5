/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/plan_graph.h"

#include "base/str.h"
#include "decide/plan_offers.h"
#include "packages/dependency.h"

#include <string.h>

enum { MET_MAX = 64 }; /* packages that meet one group; more are not needed to find one */

struct graph {
        struct plan_node *nodes;
        size_t n;
        struct plan_offers offers;
};

static void graph_done(struct graph *graph)
{
        plan_offers_done(&graph->offers);
}

bool plan_graph_is_self(const char *name)
{
        return strcmp(name, "patchd") == 0 || str_has_prefix(name, "patchd-");
}

void plan_graph_done(struct plan_node *nodes, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(nodes[i].needs);
}

static int bind(struct graph *graph, size_t node, size_t needed)
{
        struct plan_node *from = &graph->nodes[node];
        size_t *needs;

        if (node == needed)
                return 0;
        for (size_t i = 0; i < from->n_needs; i++)
                if (from->needs[i] == needed)
                        return 0;
        needs = reallocarray(from->needs, from->n_needs + 1, sizeof(*needs));
        if (!needs)
                return -ENOMEM;
        from->needs = needs;
        needs[from->n_needs++] = needed;
        return 0;
}

/* ---- dependencies ---- */

/* One group of alternatives, collected until the next one begins. */
struct group {
        struct graph *graph;
        size_t node; /* whose field it is */
        size_t number;
        struct {
                size_t node;
                bool before, after;
        } met[MET_MAX]; /* in the order of the alternatives */
        size_t n_met;
        int (*finish)(struct group *group);
};

static void note_met(struct group *group, const struct plan_offer *offer)
{
        size_t i = 0;

        while (i < group->n_met && group->met[i].node != offer->node)
                i++;
        if (i == MET_MAX)
                return;
        if (i == group->n_met) {
                group->met[i].node = offer->node;
                group->met[i].before = group->met[i].after = false;
                group->n_met++;
        }
        group->met[i].before |= offer->before;
        group->met[i].after |= offer->after;
}

static int finish_group(struct group *group)
{
        int r = 0;

        for (size_t i = 0; i < group->n_met; i++)
                if (group->met[i].before && group->met[i].after) {
                        group->n_met = 0;
                        return 0; /* somebody meets it all the time */
                }
        r = group->finish(group);
        group->n_met = 0;
        return r;
}

static int take_alternative(const struct dependency *dependency, void *arg)
{
        struct group *group = arg;
        size_t at = plan_offers_first(&group->graph->offers, dependency->name);
        const struct plan_offer *offer;
        int r = 0;

        if (dependency->group != group->number) {
                r = finish_group(group);
                group->number = dependency->group;
        }
        while ((offer = plan_offers_next(&group->graph->offers, dependency, &at)))
                note_met(group, offer);
        return r;
}

static int follow_groups(struct graph *graph, size_t node, const char *field,
                         int (*finish)(struct group *group))
{
        struct group group = {.graph = graph, .node = node, .finish = finish};
        int r = dependency_for_each(field ?: "", take_alternative, &group);

        return r < 0 ? r : finish_group(&group);
}

/* A target's dependency that only another target meets. */
static int need_target(struct group *group)
{
        for (size_t i = 0; i < group->n_met; i++)
                if (group->met[i].after)
                        return bind(group->graph, group->node, group->met[i].node);
        return 0;
}

/* An installed version's dependency: who meets it now must not stop to before its owner moves on.
 */
static int hold_provider(struct group *group)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < group->n_met; i++)
                if (group->met[i].before && group->met[i].node != PLAN_NOT_PLANNED)
                        r = bind(group->graph, group->met[i].node, group->node);
        return r;
}

/* ---- Breaks and Conflicts ---- */

struct breaking {
        struct graph *graph;
        size_t node;
        bool is_target; /* the field is the target's, else the installed version's */
};

static int take_broken(const struct dependency *dependency, void *arg)
{
        const struct breaking *breaking = arg;
        const struct plan_offers *offers = &breaking->graph->offers;
        size_t at = plan_offers_first(offers, dependency->name);
        const struct plan_offer *offer;
        int r = 0;

        while (r >= 0 && (offer = plan_offers_next(offers, dependency, &at))) {
                if (offer->node == PLAN_NOT_PLANNED || offer->node == breaking->node)
                        continue;
                if (breaking->is_target && offer->before)
                        r = bind(breaking->graph, breaking->node, offer->node);
                else if (!breaking->is_target && offer->after)
                        r = bind(breaking->graph, offer->node, breaking->node);
        }
        return r;
}

static int follow_breaks(struct graph *graph, size_t node, bool is_target, const char *field)
{
        struct breaking breaking = {.graph = graph, .node = node, .is_target = is_target};

        return dependency_for_each(field ?: "", take_broken, &breaking);
}

/* ---- the whole ---- */

/* Packages of one name for several architectures have to have one version (Multi-Arch: same). */
static int bind_architectures(struct graph *graph, size_t node)
{
        const char *name = graph->nodes[node].decision->package->name;
        int r = 0;

        for (size_t i = plan_offers_first(&graph->offers, name);
             r >= 0 && i < graph->offers.n_items && strcmp(graph->offers.items[i].name, name) == 0;
             i++) {
                size_t other = graph->offers.items[i].node;

                if (other != PLAN_NOT_PLANNED &&
                    strcmp(graph->nodes[other].decision->package->name, name) == 0)
                        r = bind(graph, node, other);
        }
        return r;
}

static int link_node(struct graph *graph, size_t node)
{
        const struct decision *decision = graph->nodes[node].decision;
        int r = follow_groups(graph, node, decision->target->depends, need_target);

        if (r >= 0)
                r = follow_groups(graph, node, decision->package->depends, hold_provider);
        if (r >= 0)
                r = follow_breaks(graph, node, true, decision->target->breaks);
        if (r >= 0)
                r = follow_breaks(graph, node, false, decision->package->breaks);
        return r < 0 ? r : bind_architectures(graph, node);
}

static bool is_new(const struct plan_node *node)
{
        return !node->decision->package->version;
}

/* Binds new packages to the first that needs them and is anchored itself. */
static int anchor_needs(struct graph *graph, bool *is_anchored, bool *ret_changed)
{
        int r = 0;

        for (size_t i = 0; i < graph->n; i++)
                for (size_t j = 0; r >= 0 && is_anchored[i] && j < graph->nodes[i].n_needs; j++) {
                        size_t needed = graph->nodes[i].needs[j];

                        if (is_anchored[needed])
                                continue;
                        is_anchored[needed] = *ret_changed = true;
                        r = bind(graph, needed, i);
                }
        return r;
}

/* What no dependency told goes with the package that the decision names. */
static int anchor_named(struct graph *graph, bool *is_anchored, bool *ret_changed)
{
        for (size_t i = 0; i < graph->n; i++) {
                size_t by = is_anchored[i] || !graph->nodes[i].decision->needed_by
                                ? PLAN_NOT_PLANNED
                                : plan_offers_find_node(graph->nodes, graph->n,
                                                        graph->nodes[i].decision->needed_by);

                if (by == PLAN_NOT_PLANNED || !is_anchored[by])
                        continue;
                is_anchored[i] = *ret_changed = true;
                return bind(graph, i, by) < 0 ? -ENOMEM : bind(graph, by, i);
        }
        return 0;
}

static int anchor_new(struct graph *graph)
{
        CLEANUP(freep) bool *is_anchored = calloc(graph->n + 1, sizeof(*is_anchored));
        bool changed = true;
        int r = is_anchored ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < graph->n; i++)
                is_anchored[i] = !is_new(&graph->nodes[i]);
        while (r >= 0 && changed) {
                changed = false;
                r = anchor_needs(graph, is_anchored, &changed);
                if (r >= 0 && !changed)
                        r = anchor_named(graph, is_anchored, &changed);
        }
        return r;
}

static int mark_library(const struct dependency *dependency, void *arg)
{
        struct graph *graph = arg;
        size_t at = plan_offers_first(&graph->offers, dependency->name);
        const struct plan_offer *offer;

        while ((offer = plan_offers_next(&graph->offers, dependency, &at)))
                if (offer->node != PLAN_NOT_PLANNED)
                        graph->nodes[offer->node].is_last = true;
        return 0;
}

static void mark_last(struct graph *graph, const struct decisions *decisions)
{
        bool changed = true;

        for (size_t i = 0; i < decisions->n_items; i++)
                if (plan_graph_is_self(decisions->items[i].package->name))
                        (void)dependency_for_each(decisions->items[i].package->depends ?: "",
                                                  mark_library, graph);
        for (size_t i = 0; i < graph->n; i++)
                if (plan_graph_is_self(graph->nodes[i].decision->package->name))
                        graph->nodes[i].is_last = true;
        while (changed) {
                changed = false;
                for (size_t i = 0; i < graph->n; i++)
                        for (size_t j = 0; j < graph->nodes[i].n_needs; j++)
                                if (graph->nodes[graph->nodes[i].needs[j]].is_last &&
                                    !graph->nodes[i].is_last)
                                        graph->nodes[i].is_last = changed = true;
        }
}

static int compare_numbers(const void *a, const void *b)
{
        const size_t *left = a, *right = b;

        return (*left > *right) - (*left < *right);
}

int plan_graph_link(const struct decisions *decisions, struct plan_node *nodes, size_t n)
{
        CLEANUP(graph_done) struct graph graph = {.nodes = nodes, .n = n};
        int r = plan_offers_collect(decisions, nodes, n, &graph.offers);

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = link_node(&graph, i);
        if (r >= 0)
                r = anchor_new(&graph);
        if (r >= 0)
                mark_last(&graph, decisions);
        for (size_t i = 0; r >= 0 && i < n; i++)
                if (nodes[i].n_needs > 0)
                        qsort(nodes[i].needs, nodes[i].n_needs, sizeof(*nodes[i].needs),
                              compare_numbers);
        return r;
}
