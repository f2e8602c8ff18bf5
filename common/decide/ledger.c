/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/ledger.h"

#include "base/json.h"
#include "base/str.h"
#include "base/timetext.h"

#include <string.h>

enum { ENTRIES_MAX = 2 * 1000 * 1000, LINE_MAX_BYTES = 4096 };

struct sighting {
        char *name, *arch, *version;
        time_t first_seen;
};

struct ledger {
        struct sighting *items; /* sorted by name, arch, version; the oldest date of each */
        size_t n_items, capacity;
};

static void sighting_done(struct sighting *sighting)
{
        free(sighting->name);
        free(sighting->arch);
        free(sighting->version);
}

void ledger_free(struct ledger *ledger)
{
        if (!ledger)
                return;
        for (size_t i = 0; i < ledger->n_items; i++)
                sighting_done(&ledger->items[i]);
        free(ledger->items);
        free(ledger);
}

static int compare_sightings(const void *a, const void *b)
{
        const struct sighting *x = a, *y = b;
        int c = strcmp(x->name, y->name);

        c = c ? c : strcmp(x->arch, y->arch);
        return c ? c : strcmp(x->version, y->version);
}

static int compare_with_dates(const void *a, const void *b)
{
        const struct sighting *x = a, *y = b;
        int c = compare_sightings(a, b);

        return c ? c : (x->first_seen > y->first_seen) - (x->first_seen < y->first_seen);
}

static int add(struct ledger *ledger, const char *name, const char *arch, const char *version,
               time_t first_seen)
{
        struct sighting sighting = {.name = strdup(name),
                                    .arch = strdup(arch),
                                    .version = strdup(version),
                                    .first_seen = first_seen};

        if (ledger->n_items == ledger->capacity) {
                size_t capacity = ledger->capacity ? ledger->capacity * 2 : 256;
                struct sighting *items =
                    reallocarray(ledger->items, capacity, sizeof(*ledger->items));

                if (!items) {
                        sighting_done(&sighting);
                        return -ENOMEM;
                }
                ledger->items = items;
                ledger->capacity = capacity;
        }
        if (!sighting.name || !sighting.arch || !sighting.version) {
                sighting_done(&sighting);
                return -ENOMEM;
        }
        ledger->items[ledger->n_items++] = sighting;
        return 0;
}

/* Gives 1 for an entry, 0 for anything else. */
static int parse_line(struct ledger *ledger, const char *line, size_t length)
{
        CLEANUP(json_freep) struct json *json = NULL;
        const char *name, *arch, *version;
        time_t first_seen;
        int r;

        if (length > LINE_MAX_BYTES || ledger->n_items >= ENTRIES_MAX)
                return 0;
        r = json_parse(line, length, &json, NULL);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        name = json_get_string(json, "name");
        arch = json_get_string(json, "arch");
        version = json_get_string(json, "version");
        first_seen = json_get_time(json, "first_seen");
        if (!name || !arch || !version || first_seen <= 0)
                return 0;
        r = add(ledger, name, arch, version, first_seen);
        return r < 0 ? r : 1;
}

/* Equal entries fold into the one with the oldest date: what was seen once was seen then. */
static void fold(struct ledger *ledger)
{
        size_t kept = 0;

        if (ledger->n_items > 1)
                qsort(ledger->items, ledger->n_items, sizeof(*ledger->items), compare_with_dates);
        for (size_t i = 0; i < ledger->n_items; i++) {
                if (kept > 0 && compare_sightings(&ledger->items[kept - 1], &ledger->items[i]) == 0)
                        sighting_done(&ledger->items[i]);
                else
                        ledger->items[kept++] = ledger->items[i];
        }
        ledger->n_items = kept;
}

int ledger_parse(const char *text, size_t size, struct ledger **ret, char **ret_damaged,
                 struct diag *diag)
{
        CLEANUP(ledger_freep) struct ledger *ledger = calloc(1, sizeof(*ledger));
        size_t n_lines = 0, n_bad = 0;
        char *damaged = NULL;

        if (!ledger)
                return -ENOMEM;
        if (size > LEDGER_SIZE_MAX_BYTES)
                return diag_fail(diag, -EFBIG, "the ledger is larger than %d bytes",
                                 LEDGER_SIZE_MAX_BYTES);
        for (size_t at = 0; at < size; n_lines++) {
                const char *end = memchr(text + at, '\n', size - at);
                size_t length = end ? (size_t)(end - (text + at)) : size - at;
                int r = parse_line(ledger, text + at, length);

                if (r < 0)
                        return r;
                n_bad += r == 0;
                at += length + 1;
        }
        fold(ledger);
        if (n_bad > 0) {
                damaged =
                    str_format("%zu of %zu lines of the ledger of first sightings are damaged "
                               "and were left out; ages may count from a later sighting",
                               n_bad, n_lines);
                if (!damaged)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(ledger);
        *ret_damaged = damaged;
        return 0;
}

int ledger_mend(const char *text, size_t size, char **ret)
{
        CLEANUP(ledger_freep) struct ledger *ledger = calloc(1, sizeof(*ledger));
        CLEANUP(str_done) struct str good = {0};

        if (!ledger)
                return -ENOMEM;
        for (size_t at = 0; at < size;) {
                const char *end = memchr(text + at, '\n', size - at);
                size_t length = end ? (size_t)(end - (text + at)) : size - at;
                int r = parse_line(ledger, text + at, length);

                if (r < 0)
                        return r;
                if (r > 0) {
                        str_append_n(&good, text + at, length);
                        str_append_char(&good, '\n');
                }
                at += length + 1;
        }
        return str_take(&good, ret);
}

time_t ledger_first_seen(const struct ledger *ledger, const char *name, const char *arch,
                         const char *version)
{
        struct sighting key = {
            .name = (char *)name, .arch = (char *)arch, .version = (char *)version};
        const struct sighting *found;

        if (!ledger || ledger->n_items == 0)
                return 0;
        found = bsearch(&key, ledger->items, ledger->n_items, sizeof(key), compare_sightings);
        return found ? found->first_seen : 0;
}

static time_t oldest_date(const struct available *available)
{
        time_t oldest = 0;

        for (size_t i = 0; i < available->n_indexes; i++) {
                time_t date = available->indexes[i]->date;

                if (date > 0 && (oldest == 0 || date < oldest))
                        oldest = date;
        }
        return oldest;
}

static int add_line(const struct package *package, const struct available *available,
                    struct strv *lines)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *line = NULL;
        int r;

        json_begin_object(writer, NULL);
        json_add_string(writer, "name", package->name);
        json_add_string(writer, "arch", package->arch);
        json_add_string(writer, "version", available->version);
        json_add_string(writer, "suite",
                        available->n_indexes > 0 ? available->indexes[0]->suite : NULL);
        json_add_time(writer, "first_seen", oldest_date(available));
        json_end(writer);
        r = json_writer_finish(writer, false, &line);
        if (r < 0)
                return r;
        return strv_add(lines, line);
}

int ledger_new_lines(const struct ledger *ledger, const struct inventory *inventory,
                     struct strv *ret_lines)
{
        CLEANUP(strv_done) struct strv lines = {0};

        for (size_t i = 0; i < inventory->n_packages; i++) {
                const struct package *package = &inventory->packages[i];

                for (size_t j = 0; j < package->n_available; j++) {
                        const struct available *available = &package->available[j];
                        int r;

                        if (oldest_date(available) == 0 ||
                            ledger_first_seen(ledger, package->name, package->arch,
                                              available->version) != 0)
                                continue;
                        r = add_line(package, available, &lines);
                        if (r < 0)
                                return r;
                }
        }
        *ret_lines = lines;
        lines = (struct strv){0};
        return 0;
}
