/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/plan_order.h"

enum { UNSEEN = 0 };

/* Tarjan's algorithm without recursion: a plan may be as deep as it is long. Components come out
 * behind everything that they need. */
struct walk {
        const struct plan_node *nodes;
        size_t *steps;
        size_t n_steps;
        size_t clock;
        size_t *seen_at; /* from 1; UNSEEN */
        size_t *lowest;  /* earliest seen node that can be reached and is in no step yet */
        size_t *next;    /* place in needs */
        size_t *path;    /* nodes that are being looked at */
        size_t n_path;
        size_t *pending; /* nodes that are in no step yet, as they were seen */
        size_t n_pending;
        bool *is_pending;
};

static void walk_done(struct walk *walk)
{
        free(walk->seen_at);
        free(walk->lowest);
        free(walk->next);
        free(walk->path);
        free(walk->pending);
        free(walk->is_pending);
}

static void enter(struct walk *walk, size_t node)
{
        walk->seen_at[node] = walk->lowest[node] = ++walk->clock;
        walk->path[walk->n_path++] = node;
        walk->pending[walk->n_pending++] = node;
        walk->is_pending[node] = true;
}

/* All that came behind this node and is still pending makes a step with it. */
static void close_step(struct walk *walk, size_t node)
{
        size_t last;

        do {
                last = walk->pending[--walk->n_pending];
                walk->is_pending[last] = false;
                walk->steps[last] = walk->n_steps;
        } while (last != node);
        walk->n_steps++;
}

static void leave(struct walk *walk, size_t node)
{
        walk->n_path--;
        if (walk->lowest[node] == walk->seen_at[node])
                close_step(walk, node);
        if (walk->n_path > 0) {
                size_t parent = walk->path[walk->n_path - 1];

                if (walk->lowest[node] < walk->lowest[parent])
                        walk->lowest[parent] = walk->lowest[node];
        }
}

static void visit(struct walk *walk, size_t root)
{
        if (walk->seen_at[root] != UNSEEN)
                return;
        enter(walk, root);
        while (walk->n_path > 0) {
                size_t node = walk->path[walk->n_path - 1];
                size_t needed;

                if (walk->next[node] == walk->nodes[node].n_needs) {
                        leave(walk, node);
                        continue;
                }
                needed = walk->nodes[node].needs[walk->next[node]++];
                if (walk->seen_at[needed] == UNSEEN)
                        enter(walk, needed);
                else if (walk->is_pending[needed] && walk->seen_at[needed] < walk->lowest[node])
                        walk->lowest[node] = walk->seen_at[needed];
        }
}

int plan_order(const struct plan_node *nodes, size_t n, bool is_last_together, size_t *ret_steps,
               size_t *ret_n_steps)
{
        CLEANUP(walk_done)
        struct walk walk = {.nodes = nodes,
                            .steps = ret_steps,
                            .seen_at = calloc(n + 1, sizeof(size_t)),
                            .lowest = calloc(n + 1, sizeof(size_t)),
                            .next = calloc(n + 1, sizeof(size_t)),
                            .path = calloc(n + 1, sizeof(size_t)),
                            .pending = calloc(n + 1, sizeof(size_t)),
                            .is_pending = calloc(n + 1, sizeof(bool))};
        size_t n_before_last;

        if (!walk.seen_at || !walk.lowest || !walk.next || !walk.path || !walk.pending ||
            !walk.is_pending)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (!nodes[i].is_last)
                        visit(&walk, i);
        n_before_last = walk.n_steps;
        for (size_t i = 0; i < n; i++)
                if (nodes[i].is_last)
                        visit(&walk, i);
        if (is_last_together && walk.n_steps > n_before_last) {
                for (size_t i = 0; i < n; i++)
                        if (nodes[i].is_last)
                                ret_steps[i] = n_before_last;
                walk.n_steps = n_before_last + 1;
        }
        *ret_n_steps = walk.n_steps;
        return 0;
}
