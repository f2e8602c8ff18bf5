/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/needs-private.h"

#include "base/str.h"
#include "base/timetext.h"

#include <string.h>

enum { DEPTH_MAX = 4 }; /* of "which needs ..." */

struct words {
        struct needs_graph *graph;
        struct str text;
        int depth;
};

static void describe(struct words *words, size_t value);

static const struct decision *decision_of(const struct needs_graph *graph, size_t value)
{
        return graph->packages[graph->values[value].package].decision;
}

/* "libfoo", or "libfoo:i386" where it isn't the host's own. */
static void append_name(struct words *words, const struct package *package)
{
        str_append(&words->text, package->name);
        if (strcmp(package->arch, "all") != 0 &&
            strcmp(package->arch, words->graph->input->inventory->arch) != 0)
                str_appendf(&words->text, ":%s", package->arch);
}

/* ---- why a version is not taken ---- */

static void append_rejection(struct words *words, const struct selector *selector)
{
        str_append(&words->text, "rejected");
        if (selector->reason && selector->reason[0])
                str_appendf(&words->text, ": %s", selector->reason);
}

static void append_kept_back(struct words *words, const struct needs_value *value)
{
        str_appendf(&words->text, "the package manager keeps it back: %s",
                    value->kept_back->text ?: "it does not say why");
}

static void append_unapproved(struct words *words, const struct verdict *verdict)
{
        char at[TIME_TEXT_SIZE];

        if (verdict->approve_at > words->graph->input->now)
                str_appendf(&words->text, "not approved until %s",
                            time_to_rfc3339(verdict->approve_at, at));
        else
                str_appendf(&words->text, "not approved: %s", verdict->reason ?: "?");
}

static void append_why(struct words *words, size_t number, bool is_approved)
{
        const struct needs_value *value = &words->graph->values[number];
        const struct verdict *verdict = value->verdict;

        if (verdict->rejected_by && !verdict->rejected_by->as_dependency)
                append_rejection(words, verdict->rejected_by);
        else if (value->hold)
                str_appendf(&words->text, "held: %s", value->hold);
        else if (value->kept_back)
                append_kept_back(words, value);
        else if (!is_approved)
                append_unapproved(words, verdict);
        else if (value->is_open)
                str_append(&words->text, "another version of it is taken");
        else if (words->depth >= DEPTH_MAX || !value->was_open)
                str_append(&words->text, "it can't be installed either");
        else {
                str_append(&words->text, "which ");
                words->depth++;
                describe(words, number);
                words->depth--;
        }
}

/* ---- what it needs ---- */

/* What is approved soonest; without a time the first. */
static bool is_better(const struct needs_graph *graph, size_t value, size_t best)
{
        time_t now = graph->input->now, at, best_at;

        if (best == NEEDS_NONE)
                return true;
        at = graph->values[value].verdict->approve_at;
        best_at = graph->values[best].verdict->approve_at;
        if (graph->values[value].is_approved || at <= now)
                return false;
        return best_at <= now || at < best_at;
}

/* `owner` is the value that needs it, or the one it would have to go with. */
static void append_need(struct words *words, size_t value, size_t owner)
{
        struct decision *needed =
            words->graph->packages[words->graph->values[value].package].decision;

        str_append(&words->text, "needs ");
        if (!needed->package->version)
                str_append(&words->text, "the new package ");
        append_name(words, needed->package);
        str_appendf(&words->text, " %s (", words->graph->values[value].version);
        append_why(words, value,
                   words->graph->values[value].is_approved ||
                       needs_may_bring(words->graph, owner, value));
        str_append_char(&words->text, ')');
        if (!needed->package->version && !needed->needed_by)
                needed->needed_by = decision_of(words->graph, owner)->package;
}

/* What a clause about one other package finds there: what is installed, or an approved update. */
static void append_rival(struct words *words, const struct needs_clause *clause)
{
        const struct needs_package *other = &words->graph->packages[clause->other];
        const struct needs_value *taken = &words->graph->values[other->taken];
        const char *relation = strchr(clause->text, '(');

        str_append(&words->text,
                   clause->kind == NEEDS_BREAKS ? "breaks " : "needs the same version of ");
        append_name(words, other->decision->package);
        if (clause->kind == NEEDS_BREAKS && relation)
                str_appendf(&words->text, " %s", relation);
        if (taken->verdict)
                str_appendf(&words->text, ", which is approved and comes in as %s", taken->version);
        else
                str_append(&words->text, ", which stays as it is");
}

/* Its own clause: one of the choices has to come. */
static void describe_clause(struct words *words, const struct needs_clause *clause)
{
        const struct needs_graph *graph = words->graph;
        size_t best = NEEDS_NONE;

        for (size_t i = 0; i < clause->n_choices; i++) {
                size_t choice = graph->choices[clause->first_choice + i];

                if (graph->values[choice].verdict && is_better(graph, choice, best))
                        best = choice;
        }
        if (best != NEEDS_NONE) {
                append_need(words, best, clause->owner);
                return;
        }
        if (clause->kind == NEEDS_DEPENDS) {
                str_appendf(&words->text, "needs %s, %s", clause->text,
                            clause->n_choices > 0 ? "which another approved update replaces"
                                                  : "which nothing on offer here is");
                return;
        }
        append_rival(words, clause);
}

/* What of a package that stays as it is stands against a value of another one. */
static const struct needs_clause *find_objection(const struct needs_graph *graph, size_t number,
                                                 size_t value)
{
        const struct needs_value *installed = &graph->values[graph->packages[number].first_value];

        for (size_t i = 0; i < installed->n_clauses; i++) {
                const struct needs_clause *clause = &graph->clauses[installed->first_clause + i];

                if (clause->kind == NEEDS_BREAKS || clause->kind == NEEDS_SAME) {
                        if (clause->other == graph->values[value].package)
                                return clause;
                        continue;
                }
                for (size_t j = 0; j < clause->n_choices; j++)
                        if (graph->values[graph->choices[clause->first_choice + j]].package ==
                            graph->values[value].package)
                                return clause;
        }
        return NULL;
}

/* Another package would not go with it, unless that gets a version which does. */
static void describe_objection(struct words *words, size_t value, size_t number)
{
        const struct needs_graph *graph = words->graph;
        const struct needs_package *package = &graph->packages[number];
        const struct needs_clause *clause;
        size_t best = NEEDS_NONE;

        for (size_t i = 1; i < package->n_values; i++)
                if (needs_goes_with(graph, package->first_value + i, value, false) &&
                    is_better(graph, package->first_value + i, best))
                        best = package->first_value + i;
        if (best != NEEDS_NONE) {
                append_need(words, best, value);
                return;
        }
        clause = find_objection(graph, number, value);
        str_append(&words->text, "does not go with ");
        append_name(words, package->decision->package);
        str_appendf(&words->text, " %s, which stays installed",
                    package->decision->package->version ?: "?");
        if (clause)
                str_appendf(&words->text, " and %s %s",
                            clause->kind == NEEDS_BREAKS ? "breaks" : "needs", clause->text);
}

static void describe(struct words *words, size_t number)
{
        const struct needs_graph *graph = words->graph;
        const struct needs_value *value = &graph->values[number];

        if (value->kept_back)
                append_kept_back(words, value);
        else if (value->blamed_clause != NEEDS_NONE)
                describe_clause(words, &graph->clauses[value->blamed_clause]);
        else if (value->blamed_package != NEEDS_NONE)
                describe_objection(words, number, value->blamed_package);
        else
                str_append(&words->text, "does not go with another approved update");
}

int needs_describe(struct needs_graph *graph, size_t value, char **ret)
{
        struct words words = {.graph = graph};

        describe(&words, value);
        return str_take(&words.text, ret);
}
