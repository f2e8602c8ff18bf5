/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/waiting.h"

static bool asks_for_builds(const struct decisions *decisions)
{
        const struct baseline *baseline =
            decisions->assignment ? decisions->assignment->baseline : NULL;

        for (size_t i = 0; baseline && i < baseline->n_date_sources; i++)
                if (baseline->date_sources[i] == DATE_SOURCE_BUILD)
                        return true;
        return false;
}

static bool is_waiting(const struct verdict *verdict, bool only_unread)
{
        return verdict->rule && !verdict->is_approved && !verdict->rejected_by &&
               !verdict->available->held_by && (!only_unread || verdict->evidence.needs_archive);
}

static size_t count_verdicts(const struct decisions *decisions)
{
        size_t n = 0;

        for (size_t i = 0; i < decisions->n_items; i++)
                n += decisions->items[i].n_verdicts;
        return n;
}

static void add_waiting(const struct decision *decision, bool only_unread, struct plan_step *step)
{
        const struct package *package = decision->package;

        for (size_t i = 0; i < decision->n_verdicts; i++) {
                const struct available *available = decision->verdicts[i].available;

                if (is_waiting(&decision->verdicts[i], only_unread))
                        step->items[step->n_items++] =
                            (struct plan_item){.name = package->name,
                                               .arch = package->arch,
                                               .version_from = package->version,
                                               .version_to = available->version,
                                               .is_new = !package->version,
                                               .target = available};
        }
}

int waiting_list(const struct decisions *decisions, bool only_unread, struct plan_step *ret)
{
        struct plan_step step = {0};

        step.items = calloc(count_verdicts(decisions) + 1, sizeof(*step.items));
        if (!step.items)
                return -ENOMEM;
        for (size_t i = 0; asks_for_builds(decisions) && i < decisions->n_items; i++)
                add_waiting(&decisions->items[i], only_unread, &step);
        *ret = step;
        return 0;
}
