/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/plan.h"

#include "decide/plan_order.h"

#include <string.h>

static void plan_item_done(struct plan_item *item)
{
        free(item->name);
        free(item->arch);
        free(item->version_from);
        free(item->version_to);
        free(item->advisories);
        free(item->needs);
}

void plan_free(struct plan *plan)
{
        if (!plan)
                return;
        for (size_t i = 0; i < plan->n_steps; i++) {
                for (size_t j = 0; j < plan->steps[i].n_items; j++)
                        plan_item_done(&plan->steps[i].items[j]);
                free(plan->steps[i].items);
        }
        free(plan->steps);
        free(plan);
}

static bool is_requested(const struct plan_request *request, const struct decision *decision)
{
        const struct package *package = decision->package;

        if (request->all)
                return true;
        for (size_t i = 0; i < request->n_packages; i++) {
                const struct package_note *wanted = &request->packages[i];

                if (strcmp(wanted->name, package->name) == 0 &&
                    (!wanted->arch || strcmp(wanted->arch, package->arch) == 0) &&
                    (!wanted->version || strcmp(wanted->version, decision->target->version) == 0))
                        return true;
        }
        return false;
}

/* A new package is asked for through the installed one that brings it, over several if need be. */
static const struct decision *asked_through(const struct decisions *decisions,
                                            const struct decision *decision)
{
        for (size_t depth = 0; decision && decision->needed_by && depth < decisions->n_items;
             depth++)
                decision =
                    decisions_find(decisions, decision->needed_by->name, decision->needed_by->arch);
        return decision;
}

static bool is_planned(const struct decisions *decisions, const struct plan_request *request,
                       const struct decision *decision)
{
        const struct decision *asked = asked_through(decisions, decision);

        return decision->target && !decision->is_blocked &&
               (decision->state == STATE_MISSING || decision->state == STATE_FAILED) && asked &&
               asked->target && !asked->is_blocked && is_requested(request, asked);
}

static int fill_item(const struct decision *decision, struct plan_item *item)
{
        const struct package *package = decision->package;

        item->name = strdup(package->name);
        item->arch = strdup(package->arch);
        item->version_from = package->version ? strdup(package->version) : NULL;
        item->version_to = strdup(decision->target->version);
        item->is_new = !package->version;
        item->target = decision->target;
        if (!item->name || !item->arch || !item->version_to ||
            (package->version && !item->version_from))
                return -ENOMEM;
        return strv_join(&decision->shown->advisories, " ", &item->advisories);
}

/* ---- steps ---- */

/* The nodes of one plan_build(), most urgent first, and where each of them went. */
struct layout {
        struct plan_node *nodes;
        size_t n;
        size_t *steps;     /* per node */
        size_t *positions; /* per node: its item, counted over all steps */
};

static void layout_done(struct layout *layout)
{
        plan_graph_done(layout->nodes, layout->n);
        free(layout->nodes);
        free(layout->steps);
        free(layout->positions);
}

static int compare_names(const struct decision *left, const struct decision *right)
{
        int order = strcmp(left->package->name, right->package->name);

        return order != 0 ? order : strcmp(left->package->arch, right->package->arch);
}

static int compare_urgency(const void *a, const void *b)
{
        const struct decision *left = ((const struct plan_node *)a)->decision;
        const struct decision *right = ((const struct plan_node *)b)->decision;
        int order = (left->shown->classification != CLASSIFICATION_SECURITY) -
                    (right->shown->classification != CLASSIFICATION_SECURITY);

        if (order == 0)
                order = (int)left->shown->severity - (int)right->shown->severity;
        return order != 0 ? order : compare_names(left, right);
}

static int layout_init(struct layout *layout, const struct decisions *decisions,
                       const struct plan_request *request)
{
        layout->nodes = calloc(decisions->n_items + 1, sizeof(*layout->nodes));
        layout->steps = calloc(decisions->n_items + 1, sizeof(*layout->steps));
        layout->positions = calloc(decisions->n_items + 1, sizeof(*layout->positions));
        if (!layout->nodes || !layout->steps || !layout->positions)
                return -ENOMEM;
        for (size_t i = 0; i < decisions->n_items; i++)
                if (is_planned(decisions, request, &decisions->items[i]))
                        layout->nodes[layout->n++].decision = &decisions->items[i];
        qsort(layout->nodes, layout->n, sizeof(*layout->nodes), compare_urgency);
        return plan_graph_link(decisions, layout->nodes, layout->n);
}

static bool has_self(const struct layout *layout)
{
        for (size_t i = 0; i < layout->n; i++)
                if (plan_graph_is_self(layout->nodes[i].decision->package->name))
                        return true;
        return false;
}

static int compare_items(const void *a, const void *b)
{
        const struct plan_item *left = a, *right = b;
        int order = strcmp(left->name, right->name);

        return order != 0 ? order : strcmp(left->arch, right->arch);
}

static int fill_step(const struct layout *layout, size_t number, struct plan_step *step)
{
        int r = 0;

        for (size_t i = 0; i < layout->n; i++)
                step->n_items += layout->steps[i] == number;
        step->items = calloc(step->n_items + 1, sizeof(*step->items));
        if (!step->items)
                return -ENOMEM;
        step->n_items = 0;
        for (size_t i = 0; r >= 0 && i < layout->n; i++) {
                const struct decision *decision = layout->nodes[i].decision;

                if (layout->steps[i] != number)
                        continue;
                step->is_self |= plan_graph_is_self(decision->package->name);
                r = fill_item(decision, &step->items[step->n_items++]);
        }
        if (r >= 0)
                qsort(step->items, step->n_items, sizeof(*step->items), compare_items);
        return r;
}

static void find_positions(const struct plan *plan, struct layout *layout)
{
        for (size_t i = 0, position = 0; i < plan->n_steps; i++)
                for (size_t j = 0; j < plan->steps[i].n_items; j++, position++)
                        for (size_t n = 0; n < layout->n; n++)
                                if (layout->steps[n] == i && layout->nodes[n].decision->target ==
                                                                 plan->steps[i].items[j].target)
                                        layout->positions[n] = position;
}

static int compare_numbers(const void *a, const void *b)
{
        const size_t *left = a, *right = b;

        return (*left > *right) - (*left < *right);
}

static int fill_needs(const struct layout *layout, const struct plan_node *node,
                      struct plan_item *item)
{
        item->needs = calloc(node->n_needs + 1, sizeof(*item->needs));
        if (!item->needs)
                return -ENOMEM;
        for (size_t i = 0; i < node->n_needs; i++)
                item->needs[item->n_needs++] = layout->positions[node->needs[i]];
        qsort(item->needs, item->n_needs, sizeof(*item->needs), compare_numbers);
        return 0;
}

static int fill_all_needs(const struct plan *plan, struct layout *layout)
{
        int r = 0;

        find_positions(plan, layout);
        for (size_t n = 0; r >= 0 && n < layout->n; n++) {
                const struct plan_step *step = &plan->steps[layout->steps[n]];

                for (size_t j = 0; r >= 0 && j < step->n_items; j++)
                        if (step->items[j].target == layout->nodes[n].decision->target)
                                r = fill_needs(layout, &layout->nodes[n], &step->items[j]);
        }
        return r;
}

int plan_build(const struct decisions *decisions, const struct plan_request *request,
               struct plan **ret)
{
        CLEANUP(plan_freep) struct plan *plan = calloc(1, sizeof(*plan));
        CLEANUP(layout_done) struct layout layout = {0};
        size_t n_steps = 0;
        int r = plan ? layout_init(&layout, decisions, request) : -ENOMEM;

        if (r >= 0)
                r = plan_order(layout.nodes, layout.n, has_self(&layout), layout.steps, &n_steps);
        if (r < 0)
                return r;
        plan->steps = calloc(n_steps + 1, sizeof(*plan->steps));
        if (!plan->steps)
                return -ENOMEM;
        while (r >= 0 && plan->n_steps < n_steps) {
                plan->n_steps++;
                r = fill_step(&layout, plan->n_steps - 1, &plan->steps[plan->n_steps - 1]);
        }
        if (r >= 0)
                r = fill_all_needs(plan, &layout);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(plan);
        return 0;
}

const struct plan_item *plan_find(const struct plan *plan, const char *name, const char *arch)
{
        for (size_t i = 0; i < plan->n_steps; i++)
                for (size_t j = 0; j < plan->steps[i].n_items; j++) {
                        const struct plan_item *item = &plan->steps[i].items[j];

                        if (strcmp(item->name, name) == 0 &&
                            (!arch || strcmp(item->arch, arch) == 0))
                                return item;
                }
        return NULL;
}

size_t plan_n_items(const struct plan *plan)
{
        size_t n = 0;

        for (size_t i = 0; i < plan->n_steps; i++)
                n += plan->steps[i].n_items;
        return n;
}
