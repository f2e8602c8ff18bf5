/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/needs-private.h"

#include "base/str.h"
#include "packages/dependency.h"

#include <string.h>

/* One clause while its alternatives are read. */
struct builder {
        struct needs_graph *graph;
        size_t owner;
        size_t group;
        size_t first_choice;
        bool holds_anyway; /* something that can't change meets it */
        struct str text;
};

/* ---- growing lists ---- */

static int add_choice(struct needs_graph *graph, size_t first, size_t value)
{
        for (size_t i = first; i < graph->n_choices; i++)
                if (graph->choices[i] == value)
                        return 0;
        if (graph->n_choices == graph->choices_capacity) {
                size_t capacity = graph->choices_capacity ? graph->choices_capacity * 2 : 1024;
                size_t *choices = reallocarray(graph->choices, capacity, sizeof(*choices));

                if (!choices)
                        return -ENOMEM;
                graph->choices = choices;
                graph->choices_capacity = capacity;
        }
        graph->choices[graph->n_choices++] = value;
        return 0;
}

/* Makes a clause of the choices since `first`. Takes over text. */
static int add_clause(struct needs_graph *graph, enum needs_kind kind, size_t owner, size_t first,
                      size_t other, char *text)
{
        struct needs_value *value = &graph->values[owner];

        if (graph->n_clauses == graph->clauses_capacity) {
                size_t capacity = graph->clauses_capacity ? graph->clauses_capacity * 2 : 256;
                struct needs_clause *clauses =
                    reallocarray(graph->clauses, capacity, sizeof(*clauses));

                if (!clauses) {
                        free(text);
                        return -ENOMEM;
                }
                graph->clauses = clauses;
                graph->clauses_capacity = capacity;
        }
        if (value->n_clauses++ == 0)
                value->first_clause = graph->n_clauses;
        graph->clauses[graph->n_clauses++] =
            (struct needs_clause){.kind = kind,
                                  .owner = owner,
                                  .first_choice = first,
                                  .n_choices = graph->n_choices - first,
                                  .other = other,
                                  .text = text};
        return text ? 0 : -ENOMEM;
}

/* ---- who meets a dependency ---- */

static const struct package *package_of(const struct needs_graph *graph, size_t value)
{
        return graph->packages[graph->values[value].package].decision->package;
}

static const char *arch_of(const struct needs_graph *graph, size_t value)
{
        const char *arch = package_of(graph, value)->arch;

        return strcmp(arch, "all") == 0 ? graph->input->inventory->arch : arch;
}

static bool is_as_is(const struct needs_graph *graph, size_t value)
{
        return !graph->values[value].verdict;
}

/* Debian's multiarch specification; without a qualifier the own architecture is meant. */
static bool has_right_arch(const struct needs_graph *graph, size_t owner,
                           const struct dependency *dependency, size_t value)
{
        enum multi_arch multi_arch = graph->values[value].multi_arch;
        const char *wanted = dependency->arch[0] ? dependency->arch : arch_of(graph, owner);

        if (strcmp(wanted, "any") == 0)
                return multi_arch == MULTI_ARCH_ALLOWED;
        if (strcmp(wanted, "native") == 0)
                wanted = graph->input->inventory->arch;
        return multi_arch == MULTI_ARCH_FOREIGN || strcmp(wanted, arch_of(graph, value)) == 0;
}

typedef int (*match_fn)(struct builder *builder, const struct dependency *dependency, size_t value);

/* Every value that has the name and the relation, or provides it so. */
static int for_each_match(struct builder *builder, const struct dependency *dependency,
                          match_fn take)
{
        const struct needs_graph *graph = builder->graph;
        int r = 0;

        for (size_t i = needs_find_name(graph, dependency->name);
             i < graph->n_packages &&
             strcmp(graph->packages[i].decision->package->name, dependency->name) == 0;
             i++) {
                const struct needs_package *package = &graph->packages[i];

                for (size_t j = package->first_value;
                     r >= 0 && j < package->first_value + package->n_values; j++)
                        if (graph->values[j].version &&
                            dependency_accepts(dependency, graph->values[j].version))
                                r = take(builder, dependency, j);
        }
        for (size_t i = needs_find_provide(graph, dependency->name);
             r >= 0 && i < graph->n_provides &&
             strcmp(graph->provides[i].name, dependency->name) == 0;
             i++) {
                const struct needs_provide *provide = &graph->provides[i];

                if (!dependency->relation[0] ||
                    (provide->version[0] && dependency_accepts(dependency, provide->version)))
                        r = take(builder, dependency, provide->value);
        }
        return r;
}

static void append_text(struct str *text, const char *separator,
                        const struct dependency *dependency)
{
        if (text->length > 0)
                str_append(text, separator);
        str_append(text, dependency->name);
        if (dependency->arch[0])
                str_appendf(text, ":%s", dependency->arch);
        if (dependency->relation[0])
                str_appendf(text, " (%s %s)", dependency->relation, dependency->version);
}

/* ---- depends ---- */

static int take_provider(struct builder *builder, const struct dependency *dependency, size_t value)
{
        struct needs_graph *graph = builder->graph;

        if (!has_right_arch(graph, builder->owner, dependency, value))
                return 0;
        if (value == builder->owner ||
            (is_as_is(graph, value) && graph->packages[graph->values[value].package].n_values == 1))
                builder->holds_anyway = true;
        return add_choice(graph, builder->first_choice, value);
}

/* What is installed and not met now is beyond us, and no reason against others. */
static bool is_worth_a_clause(const struct builder *builder)
{
        const struct needs_graph *graph = builder->graph;

        if (builder->holds_anyway)
                return false;
        if (!is_as_is(graph, builder->owner))
                return true;
        for (size_t i = builder->first_choice; i < graph->n_choices; i++)
                if (is_as_is(graph, graph->choices[i]))
                        return true;
        return false;
}

static int finish_group(struct builder *builder)
{
        struct needs_graph *graph = builder->graph;
        char *text = NULL;
        int r = str_take(&builder->text, &text);

        if (r < 0)
                return r;
        if (text[0] != '\0' && is_worth_a_clause(builder)) {
                r = add_clause(graph, NEEDS_DEPENDS, builder->owner, builder->first_choice,
                               NEEDS_NONE, text);
        } else {
                free(text);
                graph->n_choices = builder->first_choice;
        }
        builder->first_choice = graph->n_choices;
        builder->holds_anyway = false;
        return r;
}

static int take_alternative(const struct dependency *dependency, void *arg)
{
        struct builder *builder = arg;
        int r = 0;

        if (dependency->group != builder->group)
                r = finish_group(builder);
        builder->group = dependency->group;
        append_text(&builder->text, " | ", dependency);
        return r < 0 ? r : for_each_match(builder, dependency, take_provider);
}

static int add_depends(struct needs_graph *graph, size_t owner)
{
        struct builder builder = {.graph = graph, .owner = owner, .first_choice = graph->n_choices};
        int r = dependency_for_each(graph->values[owner].depends, take_alternative, &builder);

        if (r >= 0)
                r = finish_group(&builder);
        str_done(&builder.text);
        return r;
}

/* ---- breaks and conflicts ---- */

static int take_victim(struct builder *builder, const struct dependency *dependency, size_t value)
{
        struct needs_graph *graph = builder->graph;

        /* Nothing breaks itself, also not by a name it provides. */
        if (strcmp(package_of(graph, value)->name, package_of(graph, builder->owner)->name) == 0)
                return 0;
        if (dependency->arch[0] && strcmp(dependency->arch, "any") != 0 &&
            strcmp(dependency->arch, arch_of(graph, value)) != 0)
                return 0;
        return add_choice(graph, builder->first_choice, value);
}

static bool contains(const size_t *list, size_t n, size_t value)
{
        for (size_t i = 0; i < n; i++)
                if (list[i] == value)
                        return true;
        return false;
}

/* One clause: the package has to have a value that is not among the victims. */
static int add_breaks_clause(struct builder *builder, const size_t *victims, size_t n_victims,
                             size_t number, const struct dependency *dependency)
{
        struct needs_graph *graph = builder->graph;
        const struct needs_package *package = &graph->packages[number];
        size_t first = graph->n_choices;
        struct str text = {0};
        char *words = NULL;
        int r = 0;

        if (is_as_is(graph, builder->owner) && contains(victims, n_victims, package->first_value))
                return 0;
        for (size_t i = package->first_value;
             r >= 0 && i < package->first_value + package->n_values; i++)
                if (!contains(victims, n_victims, i))
                        r = add_choice(graph, first, i);
        append_text(&text, "", dependency);
        if (r < 0 || str_take(&text, &words) < 0)
                return -ENOMEM;
        return add_clause(graph, NEEDS_BREAKS, builder->owner, first, number, words);
}

static int take_broken(const struct dependency *dependency, void *arg)
{
        struct builder *builder = arg;
        struct needs_graph *graph = builder->graph;
        CLEANUP(freep) size_t *victims = NULL;
        size_t n_victims;
        int r;

        builder->first_choice = graph->n_choices;
        r = for_each_match(builder, dependency, take_victim);
        n_victims = graph->n_choices - builder->first_choice;
        graph->n_choices = builder->first_choice;
        if (r < 0 || n_victims == 0)
                return r;
        victims = reallocarray(NULL, n_victims, sizeof(*victims));
        if (!victims)
                return -ENOMEM;
        memcpy(victims, graph->choices + builder->first_choice, n_victims * sizeof(*victims));
        for (size_t i = 0; r >= 0 && i < n_victims; i++) {
                size_t number = graph->values[victims[i]].package;

                /* the values of one package stand together */
                if (i == 0 || graph->values[victims[i - 1]].package != number)
                        r = add_breaks_clause(builder, victims, n_victims, number, dependency);
        }
        return r;
}

static int add_breaks(struct needs_graph *graph, size_t owner)
{
        struct builder builder = {.graph = graph, .owner = owner};

        return dependency_for_each(graph->values[owner].breaks, take_broken, &builder);
}

/* ---- one version for all architectures ---- */

/* Packages of one name are installed for several architectures only at one version, and only when
 * both say Multi-Arch: same. */
static int add_same_clause(struct needs_graph *graph, size_t owner, size_t other)
{
        const struct needs_value *own = &graph->values[owner];
        const struct needs_package *package = &graph->packages[other];
        size_t first = graph->n_choices;
        bool holds_now = false;
        int r = 0;

        for (size_t i = package->first_value;
             r >= 0 && i < package->first_value + package->n_values; i++) {
                const struct needs_value *value = &graph->values[i];

                if (value->version &&
                    (strcmp(value->version, own->version) != 0 ||
                     value->multi_arch != MULTI_ARCH_SAME || own->multi_arch != MULTI_ARCH_SAME))
                        continue;
                holds_now = holds_now || !value->verdict;
                r = add_choice(graph, first, i);
        }
        if (r >= 0 && (own->verdict || holds_now))
                return add_clause(graph, NEEDS_SAME, owner, first, other,
                                  strdup(package->decision->package->arch));
        graph->n_choices = first;
        return r;
}

static int add_same(struct needs_graph *graph, size_t owner)
{
        size_t own = graph->values[owner].package;
        const char *name = package_of(graph, owner)->name;
        int r = 0;

        for (size_t i = needs_find_name(graph, name);
             r >= 0 && i < graph->n_packages &&
             strcmp(graph->packages[i].decision->package->name, name) == 0;
             i++)
                if (i != own &&
                    (graph->packages[i].n_values > 1 || graph->packages[own].n_values > 1))
                        r = add_same_clause(graph, owner, i);
        return r;
}

/* ---- all ---- */

static int is_about_moving(const struct dependency *dependency, void *arg)
{
        return needs_is_moving(arg, dependency->name);
}

/* Most of what is installed has nothing to do with what may change. */
static bool matters(struct needs_graph *graph, size_t owner, const char *field)
{
        return !is_as_is(graph, owner) || dependency_for_each(field, is_about_moving, graph) != 0;
}

int needs_add_clauses(struct needs_graph *graph)
{
        for (size_t i = 0; i < graph->n_values; i++) {
                const struct needs_value *value = &graph->values[i];
                int r = 0;

                if (!value->version)
                        continue;
                if (matters(graph, i, value->depends))
                        r = add_depends(graph, i);
                if (r >= 0 && matters(graph, i, value->breaks))
                        r = add_breaks(graph, i);
                if (r >= 0)
                        r = add_same(graph, i);
                if (r < 0)
                        return r;
        }
        return 0;
}
