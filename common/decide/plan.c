/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/plan.h"

#include "base/str.h"

#include <string.h>

static void plan_item_done(struct plan_item *item)
{
        free(item->name);
        free(item->arch);
        free(item->version_from);
        free(item->version_to);
        free(item->advisories);
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

/* Its own upgrade comes when everything else is done and written down. */
static bool is_self(const char *name)
{
        return strcmp(name, "patchd") == 0 || str_has_prefix(name, "patchd-");
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

static int add_step(struct plan *plan, const struct decisions *decisions,
                    const struct plan_request *request, bool self)
{
        struct plan_step step = {.is_self = self};
        int r = 0;

        step.items = calloc(decisions->n_items + 1, sizeof(*step.items));
        if (!step.items)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < decisions->n_items; i++) {
                const struct decision *decision = &decisions->items[i];

                if (is_planned(decisions, request, decision) &&
                    is_self(decision->package->name) == self)
                        r = fill_item(decision, &step.items[step.n_items++]);
        }
        if (step.n_items == 0) {
                free(step.items);
                return r;
        }
        plan->steps[plan->n_steps++] = step;
        return r;
}

int plan_build(const struct decisions *decisions, const struct plan_request *request,
               struct plan **ret)
{
        CLEANUP(plan_freep) struct plan *plan = calloc(1, sizeof(*plan));
        int r;

        if (!plan)
                return -ENOMEM;
        plan->steps = calloc(2, sizeof(*plan->steps));
        if (!plan->steps)
                return -ENOMEM;
        r = add_step(plan, decisions, request, false);
        if (r < 0)
                return r;
        r = add_step(plan, decisions, request, true);
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
