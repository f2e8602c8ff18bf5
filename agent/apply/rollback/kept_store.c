/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rollback/kept_store.h"

#include "apply/state.h"
#include "base/str.h"
#include "host/files.h"

#include <string.h>
#include <sys/statvfs.h>

#define RECORD_SUFFIX ".json"

enum {
        RECORD_MAX_BYTES = 1024 * 1024,
        NAMES_MAX = 100000,
        BYTES_PER_MB = 1000 * 1000,
        RESERVE_MB = 256, /* of the disk, that nothing kept may take */
};

void kept_record_done(struct kept_record *record)
{
        free(record->origin);
        strv_done(&record->notes);
        *record = (struct kept_record){0};
}

char *kept_store_path(const struct paths *paths, const char *file)
{
        return str_format("%s/kept/%s", paths->apply_state, file);
}

/* ---- records ---- */

static int read_notes(const struct json *notes, struct strv *ret)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < json_length(notes); i++)
                if (json_string(json_at(notes, i)))
                        r = strv_add(ret, json_string(json_at(notes, i)));
        return r;
}

int kept_store_read(const struct paths *paths, const char *file, struct kept_record *ret)
{
        CLEANUP(kept_record_done) struct kept_record record = {0};
        CLEANUP(freep) char *name = str_format("kept/%s" RECORD_SUFFIX, file);
        CLEANUP(json_freep) struct json *json = NULL;
        const char *origin, *sha256;
        int r = name ? state_read_json(paths, name, &json) : -ENOMEM;

        if (r < 0)
                return r;
        origin = json ? json_get_string(json, "origin") : NULL;
        sha256 = json ? json_get_string(json, "sha256") : NULL;
        if (!origin || !sha256 || strlen(sha256) != SHA256_TEXT_SIZE - 1)
                return -ENOENT;
        record.origin = strdup(origin);
        if (!record.origin)
                return -ENOMEM;
        memcpy(record.sha256, sha256, SHA256_TEXT_SIZE);
        record.size_bytes = json_get_int(json, "size_bytes", 0);
        record.kept_at = json_get_time(json, "kept_at");
        r = read_notes(json_get(json, "notes"), &record.notes);
        if (r < 0)
                return r;
        *ret = record;
        record = (struct kept_record){0};
        return 0;
}

int kept_store_write(const struct paths *paths, const char *file, const struct kept_record *record,
                     struct diag *diag)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *name = str_format("kept/%s" RECORD_SUFFIX, file);
        CLEANUP(freep) char *text = NULL;
        int r;

        json_begin_object(writer, NULL);
        json_add_string(writer, "origin", record->origin);
        json_add_string(writer, "sha256", record->sha256);
        json_add_int(writer, "size_bytes", record->size_bytes);
        json_add_time(writer, "kept_at", time(NULL));
        json_add_strings(writer, "notes", &record->notes);
        json_end(writer);
        r = name ? json_writer_finish(writer, true, &text) : -ENOMEM;
        return r < 0 ? r : state_write_text(paths, name, text, diag);
}

static void drop(const struct paths *paths, const char *file)
{
        CLEANUP(freep) char *path = kept_store_path(paths, file);
        CLEANUP(freep) char *record = path ? str_format("%s" RECORD_SUFFIX, path) : NULL;

        /* The record first: without it the package does not count. */
        if (record && files_remove(record, NULL) >= 0)
                (void)unlink(path);
}

/* ---- bounds ---- */

struct kept_file {
        char *name;
        int64_t size_bytes;
        time_t kept_at;
};

struct kept_files {
        struct kept_file *items; /* oldest first; names borrowed */
        size_t n_items;
        struct strv names;
        uint64_t total_bytes;
};

static void kept_files_done(struct kept_files *files)
{
        free(files->items);
        strv_done(&files->names);
}

static int compare_age(const void *a, const void *b)
{
        const struct kept_file *x = a, *y = b;

        if (x->kept_at != y->kept_at)
                return x->kept_at < y->kept_at ? -1 : 1;
        return strcmp(x->name, y->name);
}

/* What a crash left without a record is removed. */
static void remove_stray(const struct paths *paths, const struct strv *all)
{
        for (size_t i = 0; i < all->n_items; i++) {
                CLEANUP(freep) char *record = str_format("%s" RECORD_SUFFIX, all->items[i]);
                CLEANUP(freep) char *path = kept_store_path(paths, all->items[i]);

                if (record && path && !str_has_suffix(all->items[i], RECORD_SUFFIX) &&
                    !strv_contains(all, record))
                        (void)unlink(path);
        }
}

static int list_kept(const struct paths *paths, struct kept_files *files, struct diag *diag)
{
        CLEANUP(freep) char *folder = state_path(paths, "kept");
        CLEANUP(strv_done) struct strv all = {0};
        int r = folder ? files_list(folder, NULL, NAMES_MAX, &all, diag) : -ENOMEM;

        if (r < 0)
                return r;
        remove_stray(paths, &all);
        for (size_t i = 0; r >= 0 && i < all.n_items; i++)
                if (str_has_suffix(all.items[i], RECORD_SUFFIX)) {
                        all.items[i][strlen(all.items[i]) - strlen(RECORD_SUFFIX)] = '\0';
                        r = strv_add(&files->names, all.items[i]);
                }
        files->items = calloc(files->names.n_items + 1, sizeof(*files->items));
        if (!files->items)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < files->names.n_items; i++) {
                CLEANUP(kept_record_done) struct kept_record record = {0};

                r = kept_store_read(paths, files->names.items[i], &record);
                if (r == -ENOENT)
                        r = 0; /* damaged: the oldest of all */
                files->items[files->n_items++] =
                    (struct kept_file){files->names.items[i], record.size_bytes, record.kept_at};
                files->total_bytes += (uint64_t)record.size_bytes;
        }
        qsort(files->items, files->n_items, sizeof(*files->items), compare_age);
        return r;
}

static int free_bytes(const struct paths *paths, uint64_t *ret, struct diag *diag)
{
        CLEANUP(freep) char *folder = state_path(paths, "kept");
        struct statvfs st;

        if (!folder)
                return -ENOMEM;
        if (statvfs(folder, &st) < 0)
                return diag_fail(diag, -errno, "%s: cannot ask for free space: %s", folder,
                                 strerrordesc_np(errno));
        *ret = (uint64_t)st.f_bavail * st.f_frsize;
        return 0;
}

/* The bounds, and what is there. */
struct room {
        struct kept_files files;
        uint64_t limit, reserve, free; /* bytes */
};

static void room_done(struct room *room)
{
        kept_files_done(&room->files);
}

static int room_look(const struct paths *paths, const struct config *config, struct room *room,
                     struct diag *diag)
{
        int r = list_kept(paths, &room->files, diag);

        room->limit = (uint64_t)config->keep_max_mb * BYTES_PER_MB;
        room->reserve = (uint64_t)RESERVE_MB * BYTES_PER_MB;
        return r < 0 ? r : free_bytes(paths, &room->free, diag);
}

static int fail_room(const struct room *room, const struct config *config, uint64_t bytes,
                     struct diag *diag)
{
        return diag_fail(diag, -ENOSPC,
                         "there is no room for %llu MB: [apply] keep_max_mb is %lld, %llu MB of "
                         "the disk are free, and %d MB stay free",
                         (unsigned long long)(bytes / BYTES_PER_MB + 1),
                         (long long)config->keep_max_mb,
                         (unsigned long long)(room->free / BYTES_PER_MB), RESERVE_MB);
}

int kept_store_make_room(const struct paths *paths, const struct config *config,
                         uint64_t more_bytes, uint64_t disk_bytes, struct diag *diag)
{
        CLEANUP(room_done) struct room room = {0};
        struct kept_files *files = &room.files;
        int r = room_look(paths, config, &room, diag);

        if (r < 0)
                return r;
        /* Nothing is dropped for what has no room in any case. */
        if (more_bytes > room.limit || room.free + files->total_bytes < room.reserve + disk_bytes)
                return fail_room(&room, config, more_bytes > 0 ? more_bytes : disk_bytes, diag);
        for (size_t i = 0; r >= 0 && i < files->n_items &&
                           (files->total_bytes + more_bytes > room.limit ||
                            room.free < room.reserve + disk_bytes);
             i++) {
                drop(paths, files->items[i].name);
                files->total_bytes -= (uint64_t)files->items[i].size_bytes;
                r = free_bytes(paths, &room.free, diag);
        }
        if (r < 0 || room.free >= room.reserve + disk_bytes)
                return r;
        return fail_room(&room, config, disk_bytes, diag);
}

int kept_store_room(const struct paths *paths, const struct config *config, uint64_t *ret_bytes,
                    struct diag *diag)
{
        CLEANUP(room_done) struct room room = {0};
        uint64_t on_disk;
        int r = room_look(paths, config, &room, diag);

        if (r < 0)
                return r;
        on_disk = room.free + room.files.total_bytes;
        on_disk = on_disk > room.reserve ? on_disk - room.reserve : 0;
        *ret_bytes = on_disk < room.limit ? on_disk : room.limit;
        return *ret_bytes > 0 ? 0 : fail_room(&room, config, 0, diag);
}
