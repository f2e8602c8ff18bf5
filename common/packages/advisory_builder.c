/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/advisory_builder.h"

#include "packages/advisory-private.h"
#include "packages/string_pool.h"

#include <endian.h>
#include <string.h>

enum { FIRST_ITEMS = 256 };

struct built_fix {
        uint32_t package; /* place in names */
        uint32_t introduced, fixed;
        uint32_t item;
        bool is_after;
};

struct built_item {
        struct advisory values; /* without its pointers */
        uint32_t id;            /* place in ids; ascends, since each record has a new one */
        size_t first_fix, n_fixes;
        size_t first_cve, n_cves;
};

struct advisory_builder {
        struct string_pool names, ids, texts; /* of packages; of records; all others */
        struct built_item *items;
        size_t n_items, items_capacity;
        struct built_fix *fixes;
        size_t n_fixes, fixes_capacity, first_fix; /* first_*: of the record being made */
        uint32_t *cves;
        size_t n_cves, cves_capacity, first_cve;
        bool keeps_doubles;
};

struct advisory_builder *advisory_builder_new(void)
{
        return calloc(1, sizeof(struct advisory_builder));
}

static void builder_done(struct advisory_builder *builder)
{
        string_pool_done(&builder->names);
        string_pool_done(&builder->ids);
        string_pool_done(&builder->texts);
        free(builder->items);
        free(builder->fixes);
        free(builder->cves);
        *builder = (struct advisory_builder){0};
}

void advisory_builder_free(struct advisory_builder *builder)
{
        if (!builder)
                return;
        builder_done(builder);
        free(builder);
}

/* Room for one more; returns -ENOMEM. */
static int grow(void *items, size_t *capacity, size_t n_items, size_t item_size, size_t first)
{
        size_t wanted = *capacity > 0 ? *capacity * 2 : first;
        void *larger;

        if (n_items < *capacity)
                return 0;
        larger = reallocarray(*(void **)items, wanted, item_size);
        if (!larger)
                return -ENOMEM;
        *(void **)items = larger;
        *capacity = wanted;
        return 0;
}

void advisory_builder_keep_doubles(struct advisory_builder *builder)
{
        builder->keeps_doubles = true;
}

/* ---- one record ---- */

int advisory_builder_add_cve(struct advisory_builder *builder, const char *cve, struct diag *diag)
{
        int r;

        if (builder->n_cves >= ADVISORY_CVES_MAX)
                return diag_fail(diag, -E2BIG, "more than %d CVEs", ADVISORY_CVES_MAX);
        r = grow(&builder->cves, &builder->cves_capacity, builder->n_cves, sizeof(*builder->cves),
                 FIRST_ITEMS);
        if (r < 0)
                return r;
        r = string_pool_add(&builder->texts, cve, &builder->cves[builder->n_cves], diag);
        if (r < 0)
                return r;
        builder->n_cves++;
        return 0;
}

int advisory_builder_add_fix(struct advisory_builder *builder, const char *package,
                             const struct advisory_fix *fix, struct diag *diag)
{
        struct built_fix built = {.introduced = ADVISORIES_NO_PLACE, .is_after = fix->is_after};
        int r;

        if (builder->n_fixes >= ADVISORY_FIXES_MAX)
                return diag_fail(diag, -E2BIG, "more than %d fixes", ADVISORY_FIXES_MAX);
        r = grow(&builder->fixes, &builder->fixes_capacity, builder->n_fixes,
                 sizeof(*builder->fixes), FIRST_ITEMS);
        if (r < 0)
                return r;
        r = string_pool_add(&builder->names, package, &built.package, diag);
        if (r < 0)
                return r;
        r = string_pool_add(&builder->texts, fix->fixed, &built.fixed, diag);
        if (r < 0)
                return r;
        r = fix->introduced
                ? string_pool_add(&builder->texts, fix->introduced, &built.introduced, diag)
                : 0;
        if (r < 0)
                return r;
        builder->fixes[builder->n_fixes++] = built;
        return 0;
}

size_t advisory_builder_n_fixes(const struct advisory_builder *builder)
{
        return builder->n_fixes - builder->first_fix;
}

static int compare_places(const void *a, const void *b)
{
        const uint32_t *left = a, *right = b;

        return (*left > *right) - (*left < *right);
}

/* Equal strings have equal places. */
static void drop_double_cves(struct advisory_builder *builder)
{
        size_t n = builder->n_cves - builder->first_cve, n_kept = 0;
        uint32_t *cves;

        if (n < 2)
                return;
        cves = builder->cves + builder->first_cve;
        qsort(cves, n, sizeof(*cves), compare_places);
        for (size_t i = 0; i < n; i++)
                if (n_kept == 0 || cves[n_kept - 1] != cves[i])
                        cves[n_kept++] = cves[i];
        builder->n_cves = builder->first_cve + n_kept;
}

static bool is_same(const struct advisory_builder *builder, const struct built_item *a,
                    const struct built_item *b)
{
        const struct advisory *left = &a->values, *right = &b->values;

        if (left->classification != right->classification || left->severity != right->severity ||
            left->published != right->published || left->is_cve != right->is_cve ||
            a->n_fixes != b->n_fixes || a->n_cves != b->n_cves)
                return false;
        for (size_t i = 0; i < a->n_cves; i++)
                if (builder->cves[a->first_cve + i] != builder->cves[b->first_cve + i])
                        return false;
        for (size_t i = 0; i < a->n_fixes; i++) {
                const struct built_fix *one = &builder->fixes[a->first_fix + i];
                const struct built_fix *two = &builder->fixes[b->first_fix + i];

                if (one->package != two->package || one->introduced != two->introduced ||
                    one->fixed != two->fixed || one->is_after != two->is_after)
                        return false;
        }
        return true;
}

static void forget_record(struct advisory_builder *builder)
{
        builder->n_fixes = builder->first_fix;
        builder->n_cves = builder->first_cve;
}

/* The item with this id; NULL: it is new. */
static const struct built_item *find_item(const struct advisory_builder *builder, uint32_t id)
{
        size_t low = 0, high = builder->n_items;

        if (builder->keeps_doubles)
                return NULL;
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (builder->items[middle].id < id)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < builder->n_items && builder->items[low].id == id ? &builder->items[low] : NULL;
}

/* builder->items has room. */
static int place_item(struct advisory_builder *builder, const struct built_item *item,
                      struct diag *diag)
{
        const struct built_item *other = find_item(builder, item->id);

        if (other && !is_same(builder, other, item))
                return diag_fail(diag, -EEXIST, "the id '%s' stands twice and says two things",
                                 string_pool_at(&builder->ids, item->id));
        if (other) {
                forget_record(builder);
                return 0;
        }
        for (size_t i = builder->first_fix; i < builder->n_fixes; i++)
                builder->fixes[i].item = (uint32_t)builder->n_items;
        builder->items[builder->n_items++] = *item;
        builder->first_fix = builder->n_fixes;
        builder->first_cve = builder->n_cves;
        return 0;
}

int advisory_builder_end(struct advisory_builder *builder, const struct advisory *record,
                         struct diag *diag)
{
        struct built_item item = {.values = *record,
                                  .first_fix = builder->first_fix,
                                  .n_fixes = advisory_builder_n_fixes(builder),
                                  .first_cve = builder->first_cve};
        int r;

        if (item.n_fixes == 0) {
                forget_record(builder);
                return 0;
        }
        if (builder->n_items >= ADVISORIES_MAX)
                return diag_fail(diag, -E2BIG, "more than %d advisories", ADVISORIES_MAX);
        r = grow(&builder->items, &builder->items_capacity, builder->n_items,
                 sizeof(*builder->items), FIRST_ITEMS);
        if (r < 0)
                return r;
        r = string_pool_add(&builder->ids, record->id, &item.id, diag);
        if (r < 0)
                return r;
        drop_double_cves(builder);
        item.n_cves = builder->n_cves - builder->first_cve;
        return place_item(builder, &item, diag);
}

/* ---- all of it ---- */

static int compare_numbers(uint32_t a, uint32_t b)
{
        return (a > b) - (a < b);
}

static int compare_fixes(const void *a, const void *b, void *names)
{
        const struct built_fix *left = a, *right = b;
        int order = left->package == right->package ? 0
                                                    : strcmp(string_pool_at(names, left->package),
                                                             string_pool_at(names, right->package));

        order = order ?: compare_numbers(left->item, right->item);
        order = order ?: compare_numbers(left->fixed, right->fixed);
        order = order ?: compare_numbers(left->introduced, right->introduced);
        return order ?: left->is_after - right->is_after;
}

/* One source is listed once for each of its repositories. Gives the number of packages. */
static size_t sort_fixes(struct advisory_builder *builder)
{
        size_t n_kept = 0, n_packages = 0;

        if (builder->n_fixes > 0)
                qsort_r(builder->fixes, builder->n_fixes, sizeof(*builder->fixes), compare_fixes,
                        &builder->names);
        for (size_t i = 0; i < builder->n_fixes; i++) {
                const struct built_fix *fix = &builder->fixes[i], *last = fix;

                if (n_kept > 0)
                        last = &builder->fixes[n_kept - 1];
                if (n_kept > 0 && compare_fixes(last, fix, &builder->names) == 0)
                        continue;
                n_packages += n_kept == 0 || last->package != fix->package;
                builder->fixes[n_kept++] = *fix;
        }
        builder->n_fixes = n_kept;
        return n_packages;
}

static char *put(char *at, const void *bytes, size_t size)
{
        if (size > 0)
                memcpy(at, bytes, size);
        return at + size;
}

/* In text: the names of packages, the ids, all others. */
static uint32_t id_place(const struct advisory_builder *builder, uint32_t place)
{
        return htole32(place + (uint32_t)builder->names.size);
}

static uint32_t text_place(const struct advisory_builder *builder, uint32_t place)
{
        if (place == ADVISORIES_NO_PLACE)
                return place;
        return htole32(place + (uint32_t)(builder->names.size + builder->ids.size));
}

static char *put_packages(const struct advisory_builder *builder, char *at)
{
        for (size_t i = 0, end; i < builder->n_fixes; i = end) {
                struct stored_package package = {.name = htole32(builder->fixes[i].package),
                                                 .first_fix = htole32((uint32_t)i)};

                for (end = i + 1; end < builder->n_fixes; end++)
                        if (builder->fixes[end].package != builder->fixes[i].package)
                                break;
                package.n_fixes = htole32((uint32_t)(end - i));
                at = put(at, &package, sizeof(package));
        }
        return at;
}

static char *put_items(const struct advisory_builder *builder, char *at)
{
        for (size_t i = 0; i < builder->n_items; i++) {
                const struct built_item *item = &builder->items[i];
                const struct advisory *values = &item->values;
                struct stored_advisory stored = {
                    .id = id_place(builder, item->id),
                    .first_cve = htole32((uint32_t)item->first_cve),
                    .n_cves = htole32((uint32_t)item->n_cves),
                    .classification = (uint8_t)values->classification,
                    .severity = (uint8_t)values->severity,
                    .flags = (uint8_t)((values->is_cve ? STORED_IS_CVE : 0) |
                                       (values->is_whole_days ? STORED_IS_WHOLE_DAYS : 0)),
                    .published = (int64_t)htole64((uint64_t)values->published),
                };

                at = put(at, &stored, sizeof(stored));
        }
        return at;
}

static char *put_fixes(const struct advisory_builder *builder, char *at)
{
        for (size_t i = 0; i < builder->n_fixes; i++) {
                const struct built_fix *fix = &builder->fixes[i];
                struct stored_fix stored = {
                    .introduced = text_place(builder, fix->introduced),
                    .fixed = text_place(builder, fix->fixed),
                    .item_and_after = htole32(fix->item * 2 + (fix->is_after ? 1 : 0)),
                };

                at = put(at, &stored, sizeof(stored));
        }
        return at;
}

static char *put_cves(const struct advisory_builder *builder, char *at)
{
        for (size_t i = 0; i < builder->n_cves; i++) {
                uint32_t place = text_place(builder, builder->cves[i]);

                at = put(at, &place, sizeof(place));
        }
        return at;
}

static struct advisories_header header_of(const struct advisory_builder *builder, size_t n_packages)
{
        struct advisories_header header = {
            .format = ADVISORIES_FORMAT,
            .n_packages = (uint32_t)n_packages,
            .n_items = (uint32_t)builder->n_items,
            .n_fixes = (uint32_t)builder->n_fixes,
            .n_cves = (uint32_t)builder->n_cves,
            .text_size = (uint32_t)(builder->names.size + builder->ids.size + builder->texts.size),
        };

        memcpy(header.magic, advisories_magic, sizeof(header.magic));
        return header;
}

static void fill(const struct advisory_builder *builder, struct advisories_header header, char *at)
{
        header.format = htole32(header.format);
        header.n_packages = htole32(header.n_packages);
        header.n_items = htole32(header.n_items);
        header.n_fixes = htole32(header.n_fixes);
        header.n_cves = htole32(header.n_cves);
        header.text_size = htole32(header.text_size);
        at = put(at, &header, sizeof(header));
        at = put_packages(builder, at);
        at = put_items(builder, at);
        at = put_fixes(builder, at);
        at = put_cves(builder, at);
        at = put(at, builder->names.text, builder->names.size);
        at = put(at, builder->ids.text, builder->ids.size);
        (void)put(at, builder->texts.text, builder->texts.size);
}

static void release_heap(const void *bytes, size_t size)
{
        (void)size;
        free((void *)bytes);
}

int advisory_builder_finish(struct advisory_builder *builder, struct advisories **ret)
{
        CLEANUP(freep) char *bytes = NULL;
        struct advisories_header header;
        uint64_t size;
        int r;

        forget_record(builder);
        header = header_of(builder, sort_fixes(builder));
        size = advisories_layout_of(&header).end;
        if (size > ADVISORIES_MAX_BYTES)
                return -E2BIG;
        bytes = malloc(size);
        if (!bytes)
                return -ENOMEM;
        fill(builder, header, bytes);
        builder_done(builder);
        r = advisories_open(bytes, size, ret, NULL);
        if (r < 0)
                return r;
        (*ret)->release = release_heap;
        bytes = NULL;
        return 0;
}
