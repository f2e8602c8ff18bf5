/* SPDX-License-Identifier: Apache-2.0 */
#include "host/build_dates.h"

#include "base/json.h"
#include "base/str.h"
#include "host/files.h"

#include <string.h>

enum { LINE_MAX_BYTES = 4096 };

static void build_date_done(struct build_date *entry)
{
        free(entry->name);
        free(entry->arch);
        free(entry->version);
        free(entry->note);
        *entry = (struct build_date){0};
}

void build_dates_done(struct build_dates *dates)
{
        for (size_t i = 0; i < dates->n_items; i++)
                build_date_done(&dates->items[i]);
        free(dates->items);
        *dates = (struct build_dates){0};
}

int build_dates_add(struct build_dates *dates, struct build_date *entry)
{
        struct build_date *items =
            reallocarray(dates->items, dates->n_items + 1, sizeof(*dates->items));

        if (!items)
                return -ENOMEM;
        dates->items = items;
        dates->items[dates->n_items++] = *entry;
        *entry = (struct build_date){0};
        return 0;
}

/* ---- reading ---- */

static int copy_text(const struct json *json, const char *name, char **ret)
{
        const char *text = json_get_string(json, name);

        *ret = text ? strdup(text) : NULL;
        return text && !*ret ? -ENOMEM : 0;
}

/* An entry without name, date or note is as good as none. */
static int read_entry(const struct json *json, struct build_date *entry)
{
        const char *digest = json_get_string(json, "sha256");
        int r;

        if (!digest || strlen(digest) != SHA256_TEXT_SIZE - 1)
                return 0;
        memcpy(entry->sha256, digest, SHA256_TEXT_SIZE);
        entry->built_at = json_get_time(json, "built_at");
        r = copy_text(json, "name", &entry->name);
        if (r >= 0)
                r = copy_text(json, "arch", &entry->arch);
        if (r >= 0)
                r = copy_text(json, "version", &entry->version);
        if (r >= 0)
                r = copy_text(json, "note", &entry->note);
        return r < 0 ? r
                     : entry->name && entry->arch && entry->version &&
                           (entry->built_at != 0 || entry->note);
}

static int read_line(struct build_dates *dates, const char *line, size_t length)
{
        CLEANUP(json_freep) struct json *json = NULL;
        struct build_date entry CLEANUP(build_date_done) = {0};
        int r;

        if (length > LINE_MAX_BYTES || dates->n_items >= 2 * BUILD_DATES_MAX)
                return 0;
        r = json_parse(line, length, &json, NULL);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = read_entry(json, &entry);
        return r <= 0 ? r : build_dates_add(dates, &entry);
}

static int compare_digests(const void *a, const void *b)
{
        const struct build_date *x = a, *y = b;

        return strcmp(x->sha256, y->sha256);
}

int build_dates_read(const struct paths *paths, struct build_dates *ret, struct diag *diag)
{
        CLEANUP(freep) char *path = str_format("%s/%s", paths->apply_state, BUILD_DATES_FILE);
        CLEANUP(build_dates_done) struct build_dates dates = {0};
        CLEANUP(blob_done) struct blob text = {0};
        int r = path ? files_read(path, BUILD_DATES_MAX_BYTES, true, &text, diag) : -ENOMEM;

        if (r < 0 && r != -ENOENT)
                return r;
        for (size_t at = 0; at < text.size;) {
                const char *end = memchr(text.data + at, '\n', text.size - at);
                size_t length = end ? (size_t)(end - text.data) - at : text.size - at;

                r = read_line(&dates, text.data + at, length);
                if (r < 0)
                        return r;
                at += length + 1;
        }
        if (dates.n_items > 1)
                qsort(dates.items, dates.n_items, sizeof(*dates.items), compare_digests);
        *ret = dates;
        dates = (struct build_dates){0};
        return 0;
}

/* ---- laying over ---- */

static int overlay_one(const struct build_dates *dates, struct available *available)
{
        struct build_date key = {0};
        const struct build_date *found;

        memcpy(key.sha256, available->file.sha256, sizeof(key.sha256));
        found = bsearch(&key, dates->items, dates->n_items, sizeof(key), compare_digests);
        if (!found || available->build_note)
                return 0;
        available->built_at = found->built_at;
        available->build_note = found->note ? strdup(found->note) : NULL;
        return found->note && !available->build_note ? -ENOMEM : 0;
}

int build_dates_overlay(const struct paths *paths, struct inventory *inventory, struct diag *diag)
{
        CLEANUP(build_dates_done) struct build_dates dates = {0};
        int r = build_dates_read(paths, &dates, diag);

        if (r < 0 || dates.n_items == 0)
                return r;
        for (size_t i = 0; i < inventory->n_packages; i++) {
                struct package *package = &inventory->packages[i];

                if (package->current)
                        r = overlay_one(&dates, package->current);
                for (size_t j = 0; r >= 0 && j < package->n_available; j++)
                        r = overlay_one(&dates, &package->available[j]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- writing ---- */

static bool is_on_offer(const struct inventory *inventory, const char *sha256)
{
        for (size_t i = 0; i < inventory->n_packages; i++)
                for (size_t j = 0; j < inventory->packages[i].n_available; j++)
                        if (strcmp(inventory->packages[i].available[j].file.sha256, sha256) == 0)
                                return true;
        return false;
}

static int write_entry(const struct build_date *entry, struct str *text)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *line = NULL;
        int r;

        json_begin_object(writer, NULL);
        json_add_string(writer, "sha256", entry->sha256);
        json_add_string(writer, "name", entry->name);
        json_add_string(writer, "arch", entry->arch);
        json_add_string(writer, "version", entry->version);
        json_add_time(writer, "built_at", entry->built_at);
        json_add_string(writer, "note", entry->note);
        json_end(writer);
        r = json_writer_finish(writer, false, &line);
        if (r >= 0)
                str_appendf(text, "%s\n", line);
        return r;
}

int build_dates_write(const struct build_dates *dates, const struct inventory *inventory,
                      char **ret)
{
        CLEANUP(str_done) struct str text = {0};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < dates->n_items; i++)
                if (dates->n_items <= BUILD_DATES_MAX ||
                    is_on_offer(inventory, dates->items[i].sha256))
                        r = write_entry(&dates->items[i], &text);
        return r < 0 ? r : str_take(&text, ret);
}
