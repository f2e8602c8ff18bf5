/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/needs.h"

#include "base/str.h"
#include "decide/evaluate-private.h"
#include "decide/needs-private.h"

#include <string.h>

/* A new package that nothing approved needs says nothing. */
static int drop_unneeded(struct decisions *decisions)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < decisions->n_items; i++) {
                struct decision *decision = &decisions->items[i];

                if (decision->package->version || decision->needed_by)
                        continue;
                decision->target = NULL;
                r = decision_set_state(decision, STATE_NOT_APPLICABLE, strdup(""));
        }
        return r;
}

/* Every approved version that is not to be had says why; a new package when it is needed. */
static int describe_versions(struct needs_graph *graph, bool *ret_changed)
{
        *ret_changed = false;
        for (size_t i = 0; i < graph->n_values; i++) {
                const struct needs_value *value = &graph->values[i];
                const struct decision *decision = graph->packages[value->package].decision;
                int r;

                if (!value->was_open || value->is_open || value->verdict->needs ||
                    (value->on_demand && (!decision->needed_by || !value->is_approved)))
                        continue;
                r = needs_describe(graph, i, &value->verdict->needs);
                if (r < 0)
                        return r;
                *ret_changed = true;
        }
        return 0;
}

/* One may speak of the next new package. */
static int describe_all(struct needs_graph *graph)
{
        bool changed = true;
        int r = 0;

        while (r >= 0 && changed)
                r = describe_versions(graph, &changed);
        return r;
}

static void aim_at(struct decision *decision, struct verdict *verdict)
{
        decision->target = verdict->available;
        decision->shown = verdict;
}

/* Nothing approved can be installed: it stays missing, with the reason, and out of every plan. */
static int block(struct decision *decision)
{
        decision->is_blocked = true;
        return decision_set_state(decision, STATE_MISSING,
                                  strdup(decision->shown->needs ?: "it can't be installed"));
}

/* An older approved version is taken instead. */
static int fall_back(const struct evaluate_input *input, struct decision *decision,
                     struct verdict *verdict)
{
        const struct verdict *newest = decision->shown;
        CLEANUP(freep) char *reason = NULL;
        int r;

        aim_at(decision, verdict);
        r = decision_judge_shown(input, decision);
        if (r < 0 || decision->state != STATE_MISSING)
                return r;
        return decision_set_state(decision, STATE_MISSING,
                                  str_format("%s; %s %s", decision->reason,
                                             newest->available->version, newest->needs ?: ""));
}

static const struct decision *needing(const struct decisions *decisions,
                                      const struct decision *needed)
{
        for (size_t i = 0; i < decisions->n_items; i++)
                if (decisions->items[i].package == needed->needed_by)
                        return &decisions->items[i];
        return needed;
}

/* It comes in for another one; what is of the same source and version is part of that update. */
static int come_along(const struct decisions *decisions, struct decision *decision,
                      struct verdict *verdict)
{
        const struct decision *by = needing(decisions, decision);
        const char *why = verdict->is_approved         ? verdict->reason
                          : verdict->may_be_dependency ? "rejected only by itself"
                                                       : "it comes from the same source";

        verdict->is_approved = true;
        return decision_set_state(decision, STATE_MISSING,
                                  str_format("%s%s %s needs it; %s",
                                             decision->package->version ? "" : "new; ",
                                             by->package->name, by->target->version, why));
}

static bool is_wanted(const struct needs_graph *graph, const struct needs_package *package)
{
        for (size_t i = 1; i < package->n_values; i++) {
                const struct needs_value *value = &graph->values[package->first_value + i];

                if (value->was_open && !value->on_demand)
                        return true;
        }
        return package->decision->needed_by && package->decision->state == STATE_MISSING;
}

static int settle(const struct needs_graph *graph, const struct needs_package *package)
{
        struct decision *decision = package->decision;
        struct verdict *verdict = graph->values[package->taken].verdict;

        if (graph->values[package->taken].on_demand)
                aim_at(decision, verdict);
        else if (!verdict && is_wanted(graph, package))
                return block(decision);
        else if (verdict && verdict != decision->shown)
                return fall_back(graph->input, decision, verdict);
        return 0;
}

static int settle_all(const struct needs_graph *graph, const struct decisions *decisions)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < graph->n_packages; i++)
                r = settle(graph, &graph->packages[i]);
        /* Once every target stands, for they are spoken of. */
        for (size_t i = 0; r >= 0 && i < graph->n_packages; i++) {
                const struct needs_package *package = &graph->packages[i];

                if (graph->values[package->taken].on_demand)
                        r = come_along(decisions, package->decision,
                                       graph->values[package->taken].verdict);
        }
        return r;
}

static bool is_anything_wanted(const struct decisions *decisions)
{
        for (size_t i = 0; i < decisions->n_items; i++)
                if (decisions->items[i].package->version && decisions->items[i].target)
                        return true;
        return false;
}

static int decide_needs(const struct evaluate_input *input, struct decisions *decisions)
{
        CLEANUP(needs_graph_done) struct needs_graph graph = {0};
        int r = needs_graph_init(input, decisions, &graph);

        if (r >= 0)
                r = needs_add_clauses(&graph);
        if (r < 0)
                return r;
        needs_search(&graph);
        r = describe_all(&graph);
        return r < 0 ? r : settle_all(&graph, decisions);
}

int needs_decide(const struct evaluate_input *input, struct decisions *decisions)
{
        int r = is_anything_wanted(decisions) ? decide_needs(input, decisions) : 0;

        return r < 0 ? r : drop_unneeded(decisions);
}
