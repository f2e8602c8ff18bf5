/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/plan_offers.h"

#include <string.h>

void plan_offers_done(struct plan_offers *offers)
{
        free(offers->items);
        strv_done(&offers->texts);
        *offers = (struct plan_offers){0};
}

static int add_offer(struct plan_offers *offers, const struct plan_offer *offer)
{
        if (offers->n_items == offers->capacity) {
                size_t capacity = offers->capacity ? offers->capacity * 2 : 256;
                struct plan_offer *items = reallocarray(offers->items, capacity, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                offers->items = items;
                offers->capacity = capacity;
        }
        offers->items[offers->n_items++] = *offer;
        return 0;
}

struct provider {
        struct plan_offers *offers;
        struct plan_offer offer; /* without name and version */
};

static int add_provided(const struct dependency *dependency, void *arg)
{
        struct provider *provider = arg;
        struct strv *texts = &provider->offers->texts;
        struct plan_offer offer = provider->offer;
        int r = strv_add(texts, dependency->name);

        if (r < 0)
                return r;
        offer.name = texts->items[texts->n_items - 1];
        if (dependency->relation[0] != '\0') {
                r = strv_add(texts, dependency->version);
                if (r < 0)
                        return r;
                offer.version = texts->items[texts->n_items - 1];
        }
        return add_offer(provider->offers, &offer);
}

static int add_offers(struct plan_offers *offers, const struct plan_offer *own,
                      const char *provides)
{
        struct provider provider = {.offers = offers, .offer = *own};
        int r = add_offer(offers, own);

        provider.offer.name = provider.offer.version = NULL;
        return r < 0 ? r : dependency_for_each(provides ?: "", add_provided, &provider);
}

size_t plan_offers_find_node(const struct plan_node *nodes, size_t n, const struct package *package)
{
        for (size_t i = 0; i < n; i++)
                if (nodes[i].decision->package == package)
                        return i;
        return PLAN_NOT_PLANNED;
}

static int compare_offers(const void *a, const void *b)
{
        const struct plan_offer *left = a, *right = b;
        int order = strcmp(left->name, right->name);

        return order != 0 ? order : (left->node > right->node) - (left->node < right->node);
}

int plan_offers_collect(const struct decisions *decisions, const struct plan_node *nodes, size_t n,
                        struct plan_offers *ret)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < decisions->n_items; i++) {
                const struct package *package = decisions->items[i].package;
                size_t node = plan_offers_find_node(nodes, n, package);
                struct plan_offer offer = {.name = package->name, .node = node};

                if (package->version) {
                        offer.version = package->version;
                        offer.before = true;
                        offer.after = node == PLAN_NOT_PLANNED;
                        r = add_offers(ret, &offer, package->provides);
                }
                if (r >= 0 && node != PLAN_NOT_PLANNED) {
                        offer.version = decisions->items[i].target->version;
                        offer.before = false;
                        offer.after = true;
                        r = add_offers(ret, &offer, decisions->items[i].target->provides);
                }
        }
        if (ret->n_items > 0)
                qsort(ret->items, ret->n_items, sizeof(struct plan_offer), compare_offers);
        return r;
}

size_t plan_offers_first(const struct plan_offers *offers, const char *name)
{
        size_t low = 0, high = offers->n_items;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(offers->items[middle].name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

const struct plan_offer *plan_offers_next(const struct plan_offers *offers,
                                          const struct dependency *dependency, size_t *at)
{
        while (*at < offers->n_items && strcmp(offers->items[*at].name, dependency->name) == 0) {
                const struct plan_offer *offer = &offers->items[(*at)++];

                if (dependency_accepts(dependency, offer->version))
                        return offer;
        }
        return NULL;
}
