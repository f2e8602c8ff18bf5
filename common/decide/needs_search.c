/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/needs-private.h"

#include <string.h>

/*
 * Everything as it is always goes together, so closing one value after the other ends well. First
 * what can't be taken in any case goes (propagate), then the newest of what is left is tried.
 */

static size_t package_number(const struct needs_graph *graph, size_t value)
{
        return graph->values[value].package;
}

static bool is_taken(const struct needs_graph *graph, size_t value)
{
        return graph->packages[package_number(graph, value)].taken == value;
}

static void close_value(struct needs_graph *graph, size_t value, size_t clause, size_t package)
{
        graph->values[value].is_open = false;
        graph->values[value].blamed_clause = clause;
        graph->values[value].blamed_package = package;
}

/* ---- what can't be taken in any case ---- */

static bool could_hold(const struct needs_graph *graph, const struct needs_clause *clause)
{
        for (size_t i = 0; i < clause->n_choices; i++)
                if (graph->values[graph->choices[clause->first_choice + i]].is_open)
                        return true;
        return false;
}

/* With `as` taken: no other value of that package can help. */
static bool could_hold_with(const struct needs_graph *graph, const struct needs_clause *clause,
                            size_t as, bool only_open)
{
        bool is_about_it = false;

        for (size_t i = 0; i < clause->n_choices; i++) {
                size_t choice = graph->choices[clause->first_choice + i];

                if (choice == as)
                        return true;
                if (package_number(graph, choice) == package_number(graph, as))
                        is_about_it = true;
                else if (!only_open || graph->values[choice].is_open)
                        return true;
        }
        return !is_about_it && clause->other != package_number(graph, as);
}

bool needs_goes_with(const struct needs_graph *graph, size_t value, size_t as, bool only_open)
{
        const struct needs_value *own = &graph->values[value];

        for (size_t i = 0; i < own->n_clauses; i++)
                if (!could_hold_with(graph, &graph->clauses[own->first_clause + i], as, only_open))
                        return false;
        return true;
}

static bool some_value_goes_with(const struct needs_graph *graph, size_t number, size_t as)
{
        const struct needs_package *package = &graph->packages[number];

        for (size_t i = 0; i < package->n_values; i++)
                if (graph->values[package->first_value + i].is_open &&
                    needs_goes_with(graph, package->first_value + i, as, true))
                        return true;
        return false;
}

/* Closes the values of one package that no open value of another one goes with. */
static bool close_strangers_in(struct needs_graph *graph, size_t number, size_t other)
{
        const struct needs_package *its = &graph->packages[other];
        bool changed = false;

        for (size_t i = its->first_value + 1; i < its->first_value + its->n_values; i++) {
                if (!graph->values[i].is_open || some_value_goes_with(graph, number, i))
                        continue;
                close_value(graph, i, NEEDS_NONE, number);
                changed = true;
        }
        return changed;
}

/* Of all packages that the clauses of this one are about. */
static bool close_strangers(struct needs_graph *graph, size_t number)
{
        const struct needs_package *package = &graph->packages[number];
        bool changed = false;

        for (size_t i = package->first_value; i < package->first_value + package->n_values; i++) {
                const struct needs_value *value = &graph->values[i];
                const struct needs_clause *clauses = &graph->clauses[value->first_clause];

                for (size_t j = 0; value->is_open && j < value->n_clauses; j++)
                        for (size_t k = 0; k < clauses[j].n_choices; k++) {
                                size_t choice = graph->choices[clauses[j].first_choice + k];
                                size_t other = package_number(graph, choice);

                                if (other == number ||
                                    graph->packages[other].looked_at_by == number)
                                        continue;
                                graph->packages[other].looked_at_by = number;
                                changed = close_strangers_in(graph, number, other) || changed;
                        }
        }
        return changed;
}

static bool close_unmet(struct needs_graph *graph)
{
        bool changed = false;

        for (size_t i = 0; i < graph->n_clauses; i++) {
                const struct needs_clause *clause = &graph->clauses[i];

                if (!graph->values[clause->owner].is_open ||
                    !graph->values[clause->owner].verdict || could_hold(graph, clause))
                        continue;
                close_value(graph, clause->owner, i, NEEDS_NONE);
                changed = true;
        }
        return changed;
}

static void propagate(struct needs_graph *graph)
{
        bool changed = true;

        while (changed) {
                changed = close_unmet(graph);
                for (size_t i = 0; i < graph->n_packages; i++)
                        graph->packages[i].looked_at_by = NEEDS_NONE;
                for (size_t i = 0; i < graph->n_packages; i++)
                        changed = close_strangers(graph, i) || changed;
        }
}

/* ---- trying ---- */

static size_t default_value(const struct needs_graph *graph, const struct needs_package *package)
{
        for (size_t i = 1; i < package->n_values; i++) {
                const struct needs_value *value = &graph->values[package->first_value + i];

                if (value->is_open && !value->on_demand)
                        return package->first_value + i;
        }
        return package->first_value;
}

static void take_defaults(struct needs_graph *graph)
{
        for (size_t i = 0; i < graph->n_packages; i++)
                graph->packages[i].taken = default_value(graph, &graph->packages[i]);
}

static bool holds(const struct needs_graph *graph, const struct needs_clause *clause)
{
        for (size_t i = 0; i < clause->n_choices; i++)
                if (is_taken(graph, graph->choices[clause->first_choice + i]))
                        return true;
        return false;
}

bool needs_may_bring(const struct needs_graph *graph, size_t owner, size_t value)
{
        const struct verdict *needing = graph->values[owner].verdict;
        const struct verdict *needed = graph->values[value].verdict;

        if (!needing || !needed)
                return false;
        return graph->values[value].is_approved ||
               (!graph->packages[graph->values[value].package].decision->package->version &&
                strcmp(needing->available->source, needed->available->source) == 0 &&
                strcmp(needing->available->source_version, needed->available->source_version) == 0);
}

/* Takes what meets the clause and comes only when it is needed. */
static bool bring_in(struct needs_graph *graph, const struct needs_clause *clause)
{
        for (size_t i = 0; i < clause->n_choices; i++) {
                size_t choice = graph->choices[clause->first_choice + i];
                const struct needs_value *value = &graph->values[choice];
                struct needs_package *package = &graph->packages[value->package];

                if (!value->is_open || !value->on_demand ||
                    package->taken != default_value(graph, package) ||
                    !needs_may_bring(graph, clause->owner, choice))
                        continue;
                package->taken = choice;
                return true;
        }
        return false;
}

/* The first clause that does not hold and that nothing can be brought in for; NONE: all hold. */
static size_t find_unmet(struct needs_graph *graph)
{
        bool changed = true;

        while (changed) {
                changed = false;
                for (size_t i = 0; i < graph->n_clauses; i++) {
                        const struct needs_clause *clause = &graph->clauses[i];

                        if (!is_taken(graph, clause->owner) || holds(graph, clause))
                                continue;
                        if (!bring_in(graph, clause))
                                return i;
                        changed = true;
                }
        }
        return NEEDS_NONE;
}

/* The owner gives way, or, if it stays as it is, what has moved away from it. */
static void give_way(struct needs_graph *graph, size_t number)
{
        const struct needs_clause *clause = &graph->clauses[number];
        const struct needs_value *owner = &graph->values[clause->owner];

        if (owner->verdict) {
                close_value(graph, clause->owner, number, NEEDS_NONE);
                return;
        }
        for (size_t i = 0; i < clause->n_choices; i++) {
                size_t choice = graph->choices[clause->first_choice + i];
                const struct needs_package *package =
                    &graph->packages[package_number(graph, choice)];

                if (!graph->values[choice].verdict && package->taken != choice) {
                        close_value(graph, package->taken, NEEDS_NONE, owner->package);
                        return;
                }
        }
}

/* ---- only what is needed ---- */

static bool all_hold(const struct needs_graph *graph)
{
        for (size_t i = 0; i < graph->n_clauses; i++)
                if (is_taken(graph, graph->clauses[i].owner) && !holds(graph, &graph->clauses[i]))
                        return false;
        return true;
}

/* What was brought in for one may have become needless by another: with fewer new packages the
 * package manager has no choice left. */
static void drop_needless(struct needs_graph *graph)
{
        for (size_t i = graph->n_packages; i > 0; i--) {
                struct needs_package *package = &graph->packages[i - 1];
                size_t taken = package->taken;

                if (!graph->values[taken].on_demand)
                        continue;
                package->taken = default_value(graph, package);
                if (!all_hold(graph))
                        package->taken = taken;
        }
}

/* Marks who brings in what, from the installed packages on. */
static bool mark_needed(struct needs_graph *graph)
{
        bool changed = false;

        for (size_t i = 0; i < graph->n_clauses; i++) {
                const struct needs_clause *clause = &graph->clauses[i];
                const struct needs_value *owner = &graph->values[clause->owner];
                const struct decision *by = graph->packages[owner->package].decision;

                if (!owner->verdict || !is_taken(graph, clause->owner) ||
                    clause->kind != NEEDS_DEPENDS || (owner->on_demand && !by->needed_by))
                        continue;
                for (size_t j = 0; j < clause->n_choices; j++) {
                        size_t choice = graph->choices[clause->first_choice + j];
                        struct decision *needed =
                            graph->packages[package_number(graph, choice)].decision;

                        if (!is_taken(graph, choice) || !graph->values[choice].on_demand ||
                            needed->needed_by || needed == by)
                                continue;
                        needed->needed_by = by->package;
                        changed = true;
                }
        }
        return changed;
}

/* New packages that only need each other. */
static void drop_unreached(struct needs_graph *graph)
{
        while (mark_needed(graph))
                ;
        for (size_t i = 0; i < graph->n_packages; i++) {
                struct needs_package *package = &graph->packages[i];

                if (graph->values[package->taken].on_demand && !package->decision->needed_by)
                        package->taken = default_value(graph, package);
        }
}

void needs_search(struct needs_graph *graph)
{
        for (size_t round = 0; round <= graph->n_values; round++) {
                size_t unmet;

                propagate(graph);
                take_defaults(graph);
                unmet = find_unmet(graph);
                if (unmet == NEEDS_NONE)
                        break;
                give_way(graph, unmet);
        }
        drop_needless(graph);
        drop_unreached(graph);
}
