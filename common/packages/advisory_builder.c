/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/advisory_builder.h"

#include <stdint.h>
#include <string.h>

/* Strings are kept as places in one text, so that 100,000 of them are few allocations. */
#define NO_TEXT UINT32_MAX

enum { FIRST_SLOTS = 1024, FIRST_ITEMS = 256, FIRST_TEXT_BYTES = 16 * 1024 };

/* Open addressing; a slot holds value + 1, 0 is free. */
struct table {
        uint32_t *slots;
        size_t n_slots, n_used;
};

struct built_fix {
        uint32_t package, introduced, fixed;
        bool is_after;
};

struct built_item {
        struct advisory values; /* without its pointers */
        uint32_t id;
        size_t first_fix, n_fixes;
        size_t first_cve, n_cves;
};

struct advisory_builder {
        char *text;
        size_t text_size, text_capacity;
        struct built_item *items;
        size_t n_items, items_capacity;
        struct built_fix *fixes;
        size_t n_fixes, fixes_capacity, first_fix; /* first_*: of the record being made */
        uint32_t *cves;
        size_t n_cves, cves_capacity, first_cve;
        struct table strings; /* text -> its place */
        struct table ids;     /* id -> its item */
};

struct advisory_builder *advisory_builder_new(void)
{
        return calloc(1, sizeof(struct advisory_builder));
}

static void builder_done(struct advisory_builder *builder)
{
        free(builder->text);
        free(builder->items);
        free(builder->fixes);
        free(builder->cves);
        free(builder->strings.slots);
        free(builder->ids.slots);
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

/* ---- strings and ids, each once ---- */

static uint64_t hash_of(const char *text)
{
        uint64_t hash = 14695981039346656037U; /* FNV-1a */

        for (; *text; text++)
                hash = (hash ^ (unsigned char)*text) * 1099511628211U;
        return hash;
}

typedef const char *(*table_text_fn)(const struct advisory_builder *builder, uint32_t value);

static const char *text_at(const struct advisory_builder *builder, uint32_t place)
{
        return builder->text + place;
}

static const char *id_of_item(const struct advisory_builder *builder, uint32_t item)
{
        return builder->text + builder->items[item].id;
}

/* The slot of a text, or the free one where it belongs. The table has free slots. */
static uint32_t *find_slot(const struct advisory_builder *builder, const struct table *table,
                           table_text_fn text_of, const char *text)
{
        size_t at = hash_of(text) & (table->n_slots - 1);

        while (table->slots[at] != 0 && strcmp(text_of(builder, table->slots[at] - 1), text) != 0)
                at = (at + 1) & (table->n_slots - 1);
        return &table->slots[at];
}

/* At most half of the slots are ever used. */
static int grow_table(const struct advisory_builder *builder, struct table *table,
                      table_text_fn text_of)
{
        struct table larger = {.n_slots = table->n_slots > 0 ? table->n_slots * 2 : FIRST_SLOTS,
                               .n_used = table->n_used};

        if (table->n_used * 2 < table->n_slots)
                return 0;
        larger.slots = calloc(larger.n_slots, sizeof(*larger.slots));
        if (!larger.slots)
                return -ENOMEM;
        for (size_t i = 0; i < table->n_slots; i++)
                if (table->slots[i] != 0)
                        *find_slot(builder, &larger, text_of,
                                   text_of(builder, table->slots[i] - 1)) = table->slots[i];
        free(table->slots);
        *table = larger;
        return 0;
}

static int check_string(const char *text, size_t length, struct diag *diag)
{
        if (length == 0 || length > ADVISORY_STRING_MAX_BYTES)
                return diag_fail(diag, -EINVAL,
                                 "'%.40s' has %zu bytes, not 1 to %d as a name or version has",
                                 text, length, ADVISORY_STRING_MAX_BYTES);
        for (size_t i = 0; i < length; i++)
                if (text[i] <= ' ' || text[i] > '~')
                        return diag_fail(diag, -EINVAL,
                                         "'%s' has a blank or a character that is not printable "
                                         "ASCII",
                                         text);
        return 0;
}

static int append_text(struct advisory_builder *builder, const char *text, size_t size,
                       struct diag *diag)
{
        while (builder->text_size + size > builder->text_capacity) {
                int r = grow(&builder->text, &builder->text_capacity, builder->text_capacity, 1,
                             FIRST_TEXT_BYTES);

                if (r < 0)
                        return r;
        }
        if (builder->text_size + size > ADVISORY_TEXT_MAX_BYTES)
                return diag_fail(diag, -E2BIG, "more than %d bytes of names and versions",
                                 ADVISORY_TEXT_MAX_BYTES);
        memcpy(builder->text + builder->text_size, text, size);
        builder->text_size += size;
        return 0;
}

static int keep_string(struct advisory_builder *builder, const char *text, uint32_t *ret,
                       struct diag *diag)
{
        size_t length = strlen(text), place = builder->text_size;
        uint32_t *slot;
        int r = check_string(text, length, diag);

        if (r < 0)
                return r;
        r = grow_table(builder, &builder->strings, text_at);
        if (r < 0)
                return r;
        slot = find_slot(builder, &builder->strings, text_at, text);
        if (*slot == 0) {
                r = append_text(builder, text, length + 1, diag);
                if (r < 0)
                        return r;
                *slot = (uint32_t)place + 1;
                builder->strings.n_used++;
        }
        *ret = *slot - 1;
        return 0;
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
        r = keep_string(builder, cve, &builder->cves[builder->n_cves], diag);
        if (r < 0)
                return r;
        builder->n_cves++;
        return 0;
}

int advisory_builder_add_fix(struct advisory_builder *builder, const struct advisory_fix *fix,
                             struct diag *diag)
{
        struct built_fix built = {.introduced = NO_TEXT, .is_after = fix->is_after};
        int r;

        if (builder->n_fixes >= ADVISORY_FIXES_MAX)
                return diag_fail(diag, -E2BIG, "more than %d fixes", ADVISORY_FIXES_MAX);
        r = grow(&builder->fixes, &builder->fixes_capacity, builder->n_fixes,
                 sizeof(*builder->fixes), FIRST_ITEMS);
        if (r < 0)
                return r;
        r = keep_string(builder, fix->package, &built.package, diag);
        if (r < 0)
                return r;
        r = keep_string(builder, fix->fixed, &built.fixed, diag);
        if (r < 0)
                return r;
        r = fix->introduced ? keep_string(builder, fix->introduced, &built.introduced, diag) : 0;
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
        uint32_t *cves = builder->cves + builder->first_cve;
        size_t n = builder->n_cves - builder->first_cve, n_kept = 0;

        if (n < 2)
                return;
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

/* builder->items has room. */
static int place_item(struct advisory_builder *builder, const struct built_item *item,
                      struct diag *diag)
{
        const char *id = text_at(builder, item->id);
        uint32_t *slot;
        int r = grow_table(builder, &builder->ids, id_of_item);

        if (r < 0)
                return r;
        slot = find_slot(builder, &builder->ids, id_of_item, id);
        if (*slot == 0) {
                builder->items[builder->n_items++] = *item;
                *slot = (uint32_t)builder->n_items;
                builder->ids.n_used++;
                builder->first_fix = builder->n_fixes;
                builder->first_cve = builder->n_cves;
                return 0;
        }
        if (!is_same(builder, &builder->items[*slot - 1], item))
                return diag_fail(diag, -EEXIST, "the id '%s' stands twice and says two things", id);
        forget_record(builder);
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
        r = keep_string(builder, record->id, &item.id, diag);
        if (r < 0)
                return r;
        drop_double_cves(builder);
        item.n_cves = builder->n_cves - builder->first_cve;
        return place_item(builder, &item, diag);
}

/* ---- all of it ---- */

static int compare_fixes(const void *a, const void *b)
{
        const struct advisory_fix *left = a, *right = b;
        int order = left->package == right->package ? 0 : strcmp(left->package, right->package);

        if (order == 0)
                order = (left->advisory > right->advisory) - (left->advisory < right->advisory);
        if (order == 0)
                order = (left->fixed > right->fixed) - (left->fixed < right->fixed);
        if (order == 0)
                order =
                    (left->introduced > right->introduced) - (left->introduced < right->introduced);
        return order ? order : left->is_after - right->is_after;
}

/* One source is listed once for each of its repositories. */
static void drop_double_fixes(struct advisories *advisories)
{
        size_t n_kept = 0;

        for (size_t i = 0; i < advisories->n_fixes; i++)
                if (n_kept == 0 ||
                    compare_fixes(&advisories->fixes[n_kept - 1], &advisories->fixes[i]) != 0)
                        advisories->fixes[n_kept++] = advisories->fixes[i];
        advisories->n_fixes = n_kept;
}

static void fill_item(const struct advisory_builder *builder, const struct built_item *built,
                      struct advisories *advisories, struct advisory *item)
{
        *item = built->values;
        item->id = advisories->text + built->id;
        item->cves = advisories->cves + built->first_cve;
        item->n_cves = built->n_cves;
        for (size_t i = 0; i < built->n_fixes; i++) {
                const struct built_fix *fix = &builder->fixes[built->first_fix + i];

                advisories->fixes[advisories->n_fixes++] = (struct advisory_fix){
                    .package = advisories->text + fix->package,
                    .introduced =
                        fix->introduced == NO_TEXT ? NULL : advisories->text + fix->introduced,
                    .fixed = advisories->text + fix->fixed,
                    .is_after = fix->is_after,
                    .advisory = item,
                };
        }
}

int advisory_builder_finish(struct advisory_builder *builder, struct advisories **ret)
{
        CLEANUP(advisories_freep) struct advisories *advisories = calloc(1, sizeof(*advisories));

        if (!advisories)
                return -ENOMEM;
        forget_record(builder);
        advisories->items = calloc(builder->n_items + 1, sizeof(*advisories->items));
        advisories->fixes = calloc(builder->n_fixes + 1, sizeof(*advisories->fixes));
        advisories->cves = calloc(builder->n_cves + 1, sizeof(*advisories->cves));
        if (!advisories->items || !advisories->fixes || !advisories->cves)
                return -ENOMEM;
        advisories->text = TAKE_PTR(builder->text);
        advisories->text_size = builder->text_size;
        for (size_t i = 0; i < builder->n_cves; i++)
                advisories->cves[i] = advisories->text + builder->cves[i];
        advisories->n_cves = builder->n_cves;
        for (size_t i = 0; i < builder->n_items; i++)
                fill_item(builder, &builder->items[i], advisories, &advisories->items[i]);
        advisories->n_items = builder->n_items;
        qsort(advisories->fixes, advisories->n_fixes, sizeof(*advisories->fixes), compare_fixes);
        drop_double_fixes(advisories);
        builder_done(builder);
        *ret = TAKE_PTR(advisories);
        return 0;
}
