/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/needs-private.h"

#include "decide/notes.h"
#include "packages/dependency.h"

#include <string.h>

void needs_graph_done(struct needs_graph *graph)
{
        for (size_t i = 0; i < graph->n_values; i++)
                free(graph->values[i].hold);
        for (size_t i = 0; i < graph->n_clauses; i++)
                free(graph->clauses[i].text);
        for (size_t i = 0; i < graph->n_provides; i++) {
                free(graph->provides[i].name);
                free(graph->provides[i].version);
        }
        free(graph->packages);
        free(graph->values);
        free(graph->clauses);
        free(graph->choices);
        free(graph->provides);
        free(graph->moving);
        *graph = (struct needs_graph){0};
}

/* ---- values ---- */

static void add_installed(struct needs_graph *graph, size_t number)
{
        const struct package *package = graph->packages[number].decision->package;

        graph->values[graph->n_values++] = (struct needs_value){
            .package = number,
            .version = package->version,
            .depends = package->depends ?: "",
            .breaks = package->breaks ?: "",
            .provides = package->provides ?: "",
            .multi_arch = package->multi_arch,
            .is_open = true,
            .blamed_clause = NEEDS_NONE,
            .blamed_package = NEEDS_NONE,
        };
}

/* Whether a version may be taken, so far as the package itself goes. */
static void open_value(const struct decision *decision, struct needs_value *value)
{
        const struct verdict *verdict = value->verdict;
        bool is_installed = decision->package->version != NULL;

        value->is_approved = verdict->is_approved || verdict->may_be_dependency;
        value->on_demand = !is_installed || !verdict->is_approved;
        if (value->hold || value->kept_back)
                return;
        if (is_installed && decision->state == STATE_HELD)
                return;
        value->is_open = is_installed
                             ? value->is_approved
                             : !verdict->rejected_by || verdict->rejected_by->as_dependency;
}

static int add_version(struct needs_graph *graph, size_t number, struct verdict *verdict)
{
        const struct run_facts *runs = graph->input->runs;
        const struct decision *decision = graph->packages[number].decision;
        const struct available *available = verdict->available;
        struct needs_value *value = &graph->values[graph->n_values++];
        int r;

        *value = (struct needs_value){
            .package = number,
            .verdict = verdict,
            .version = available->version,
            .depends = available->depends ?: "",
            .breaks = available->breaks ?: "",
            .provides = available->provides ?: "",
            .multi_arch = available->multi_arch,
            .blamed_clause = NEEDS_NONE,
            .blamed_package = NEEDS_NONE,
        };
        r = notes_find_hold(graph->input, decision->package, available, &value->hold);
        if (r < 0)
                return r;
        open_value(decision, value);
        if (runs)
                value->kept_back = notes_find(runs->kept_back, runs->n_kept_back, decision->package,
                                              available->version);
        value->was_open = value->is_open;
        if (value->kept_back)
                value->is_open = false;
        return 0;
}

static int add_values(struct needs_graph *graph, struct decisions *decisions)
{
        size_t n_values = decisions->n_items;

        for (size_t i = 0; i < decisions->n_items; i++)
                n_values += decisions->items[i].n_verdicts;
        graph->packages = calloc(decisions->n_items + 1, sizeof(*graph->packages));
        graph->values = calloc(n_values + 1, sizeof(*graph->values));
        if (!graph->packages || !graph->values)
                return -ENOMEM;
        for (size_t i = 0; i < decisions->n_items; i++) {
                struct decision *decision = &decisions->items[i];
                int r = 0;

                graph->packages[graph->n_packages++] =
                    (struct needs_package){.decision = decision,
                                           .first_value = graph->n_values,
                                           .n_values = decision->n_verdicts + 1,
                                           .taken = graph->n_values};
                add_installed(graph, i);
                for (size_t j = 0; r >= 0 && j < decision->n_verdicts; j++)
                        r = add_version(graph, i, &decision->verdicts[j]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- names ---- */

struct provider {
        struct needs_graph *graph;
        size_t value;
};

static int add_provide(const struct dependency *dependency, void *arg)
{
        const struct provider *provider = arg;
        struct needs_graph *graph = provider->graph;
        struct needs_provide *provide;

        if (graph->n_provides == graph->provides_capacity) {
                size_t capacity = graph->provides_capacity ? graph->provides_capacity * 2 : 256;
                struct needs_provide *provides =
                    reallocarray(graph->provides, capacity, sizeof(*provides));

                if (!provides)
                        return -ENOMEM;
                graph->provides = provides;
                graph->provides_capacity = capacity;
        }
        provide = &graph->provides[graph->n_provides++];
        *provide = (struct needs_provide){.name = strdup(dependency->name),
                                          .version = strdup(dependency->version),
                                          .value = provider->value};
        return provide->name && provide->version ? 0 : -ENOMEM;
}

static int compare_provides(const void *a, const void *b)
{
        const struct needs_provide *left = a, *right = b;
        int result = strcmp(left->name, right->name);

        if (result != 0)
                return result;
        return left->value < right->value ? -1 : left->value > right->value;
}

static int add_provides(struct needs_graph *graph)
{
        for (size_t i = 0; i < graph->n_values; i++) {
                struct provider provider = {.graph = graph, .value = i};
                int r = dependency_for_each(graph->values[i].provides, add_provide, &provider);

                if (r < 0)
                        return r;
        }
        if (graph->n_provides > 0)
                qsort(graph->provides, graph->n_provides, sizeof(*graph->provides),
                      compare_provides);
        return 0;
}

static int compare_texts(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_moving(struct needs_graph *graph)
{
        graph->moving = calloc(graph->n_packages + graph->n_provides + 1, sizeof(*graph->moving));
        if (!graph->moving)
                return -ENOMEM;
        for (size_t i = 0; i < graph->n_packages; i++)
                if (graph->packages[i].n_values > 1)
                        graph->moving[graph->n_moving++] =
                            graph->packages[i].decision->package->name;
        for (size_t i = 0; i < graph->n_provides; i++)
                if (graph->packages[graph->values[graph->provides[i].value].package].n_values > 1)
                        graph->moving[graph->n_moving++] = graph->provides[i].name;
        qsort(graph->moving, graph->n_moving, sizeof(*graph->moving), compare_texts);
        return 0;
}

bool needs_is_moving(const struct needs_graph *graph, const char *name)
{
        return bsearch(&name, graph->moving, graph->n_moving, sizeof(*graph->moving),
                       compare_texts);
}

size_t needs_find_name(const struct needs_graph *graph, const char *name)
{
        size_t low = 0, high = graph->n_packages;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(graph->packages[middle].decision->package->name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low < graph->n_packages &&
            strcmp(graph->packages[low].decision->package->name, name) == 0)
                return low;
        return graph->n_packages;
}

size_t needs_find_provide(const struct needs_graph *graph, const char *name)
{
        size_t low = 0, high = graph->n_provides;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(graph->provides[middle].name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low < graph->n_provides && strcmp(graph->provides[low].name, name) == 0)
                return low;
        return graph->n_provides;
}

int needs_graph_init(const struct evaluate_input *input, struct decisions *decisions,
                     struct needs_graph *ret)
{
        int r;

        *ret = (struct needs_graph){.input = input};
        r = add_values(ret, decisions);
        if (r >= 0)
                r = add_provides(ret);
        if (r >= 0)
                r = add_moving(ret);
        return r;
}
