/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/needs.h"

#include "base/str.h"
#include "packages/dependency.h"

#include <string.h>

int decision_set_state(struct decision *decision, enum state state, char *reason)
{
        free(decision->reason);
        decision->state = state;
        decision->reason = reason;
        return reason ? 0 : -ENOMEM;
}

struct need {
        const char *name;
};

static int names_it(const struct dependency *dependency, void *arg)
{
        const struct need *need = arg;

        return strcmp(dependency->name, need->name) == 0;
}

/* The decision whose target needs this new package; NULL: none does. */
static const struct decision *needing_decision(const struct decisions *decisions,
                                               const struct decision *needed)
{
        struct need need = {.name = needed->package->name};

        for (size_t i = 0; i < decisions->n_items; i++) {
                const struct decision *decision = &decisions->items[i];

                if (decision != needed && decision->target &&
                    dependency_for_each(decision->target->depends, names_it, &need) != 0)
                        return decision;
        }
        return NULL;
}

static struct verdict *verdict_of_source(struct decision *decision, const struct available *target)
{
        for (size_t i = 0; i < decision->n_verdicts; i++) {
                const struct available *available = decision->verdicts[i].available;

                if (!decision->verdicts[i].rejected_by &&
                    strcmp(available->source, target->source) == 0 &&
                    strcmp(available->source_version, target->source_version) == 0)
                        return &decision->verdicts[i];
        }
        return NULL;
}

/* A new package of the same source and version as an approved target is part of that update. */
static int approve_with(struct decision *needed, const struct decision *needing)
{
        struct verdict *verdict = verdict_of_source(needed, needing->target);

        needed->needed_by = needing->package;
        if (!verdict || needed->state == STATE_HELD)
                return 0;
        verdict->is_approved = true;
        needed->target = verdict->available;
        needed->shown = verdict;
        return decision_set_state(needed, STATE_MISSING,
                                  str_format("new; %s %s needs it and comes from the same source",
                                             needing->package->name, needing->target->version));
}

/* A new package that nothing approved needs says nothing. */
static int drop_unneeded(struct decision *decision)
{
        decision->target = NULL;
        return decision_set_state(decision, STATE_NOT_APPLICABLE, strdup(""));
}

/* Approves one new package if something approved needs it; gives 1 when it did. */
static int decide_new_package(struct decisions *decisions, struct decision *decision)
{
        const struct decision *needing;
        int r;

        if (decision->package->version || decision->needed_by)
                return 0;
        needing = needing_decision(decisions, decision);
        if (!needing || (!needing->package->version && !needing->needed_by))
                return 0;
        r = approve_with(decision, needing);
        return r < 0 ? r : 1;
}

static int drop_all_unneeded(struct decisions *decisions)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < decisions->n_items; i++)
                if (!decisions->items[i].package->version && !decisions->items[i].needed_by)
                        r = drop_unneeded(&decisions->items[i]);
        return r;
}

/* Approving one may bring in the next, so it goes on until nothing changes. */
static int decide_new_packages(struct decisions *decisions)
{
        bool changed = true;

        for (size_t round = 0; changed && round <= decisions->n_items; round++) {
                changed = false;
                for (size_t i = 0; i < decisions->n_items; i++) {
                        int r = decide_new_package(decisions, &decisions->items[i]);

                        if (r < 0)
                                return r;
                        changed = changed || r > 0;
                }
        }
        return drop_all_unneeded(decisions);
}

/* A target whose new package is not approved can't be installed yet; it says what it waits for. */
static int explain_unmet_needs(struct decisions *decisions)
{
        for (size_t i = 0; i < decisions->n_items; i++) {
                struct decision *needed = &decisions->items[i], *needing = NULL;
                int r;

                if (needed->package->version || !needed->needed_by ||
                    needed->state == STATE_MISSING)
                        continue;
                for (size_t j = 0; j < decisions->n_items && !needing; j++)
                        if (decisions->items[j].package == needed->needed_by)
                                needing = &decisions->items[j];
                if (!needing || needing->state != STATE_MISSING)
                        continue;
                needing->is_blocked = true;
                r = decision_set_state(needing, STATE_MISSING,
                                       str_format("approved, but it needs the new package %s: %s",
                                                  needed->package->name, needed->reason));
                if (r < 0)
                        return r;
        }
        return 0;
}

int needs_decide(struct decisions *decisions)
{
        int r = decide_new_packages(decisions);

        return r < 0 ? r : explain_unmet_needs(decisions);
}
