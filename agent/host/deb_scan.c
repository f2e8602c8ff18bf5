/* SPDX-License-Identifier: Apache-2.0 */
#include "host/deb.h"

#include "base/str.h"
#include "host/archive.h"
#include "packages/version_deb.h"

#include <fcntl.h>
#include <string.h>

/* One index while it is read. */
struct scan {
        struct deb_collector *collector;
        struct deb_reader *reader;
        const struct package_index *index;
        enum deb_role role;
};

static bool is_wanted(const struct deb_package *package, enum deb_role role)
{
        return package->role == role && !package->searched;
}

static bool wants(const char *name, size_t length, void *arg)
{
        const struct scan *scan = arg;
        const struct deb_package *package = deb_table_find(&scan->collector->table, name, length);

        for (; package; package = deb_table_next(&scan->collector->table, package))
                if (is_wanted(package, scan->role))
                        return true;
        return false;
}

static int add_index(struct available *available, const struct package_index *index)
{
        const struct package_index **indexes;

        for (size_t i = 0; i < available->n_indexes; i++)
                if (available->indexes[i] == index)
                        return 0;
        indexes = reallocarray(available->indexes, available->n_indexes + 1,
                               sizeof(const struct package_index *));
        if (!indexes)
                return -ENOMEM;
        available->indexes = indexes;
        indexes[available->n_indexes++] = index;
        return 0;
}

static int64_t get_number(const struct deb822_stanza *stanza, const char *name, int64_t max,
                          int64_t fallback)
{
        CLEANUP(freep) char *text = NULL;
        unsigned long long value;

        if (deb822_get(stanza, name, &text) < 0 || !text ||
            str_to_uint64(text, (unsigned long long)max, &value) < 0)
                return fallback;
        return (int64_t)value;
}

static int get_file(const struct deb822_stanza *stanza, struct package_file *file)
{
        struct deb822_value digest = deb822_find(stanza, "SHA256");
        int r;

        r = deb822_get(stanza, "Filename", &file->filename);
        if (r < 0)
                return r;
        if (digest.at && digest.length == SHA256_TEXT_SIZE - 1)
                memcpy(file->sha256, digest.at, digest.length);
        file->size_bytes = get_number(stanza, "Size", INT64_MAX, 0);
        return 0;
}

static int fill_version(struct available *available, const struct deb822_stanza *stanza,
                        const char *name)
{
        enum { KIB = 1024 };
        int r;

        r = get_file(stanza, &available->file);
        if (r >= 0)
                r = deb_read_source(stanza, name, available->version, &available->source,
                                    &available->source_version);
        if (r >= 0)
                r = deb_read_relations(stanza, &available->depends, &available->breaks,
                                       &available->provides);
        if (r < 0)
                return r;
        available->multi_arch = deb_read_multi_arch(stanza);
        available->installed_size_bytes =
            get_number(stanza, "Installed-Size", INT64_MAX / KIB, 0) * KIB;
        available->phased_percent = (int)get_number(stanza, "Phased-Update-Percentage", 100, 100);
        return 0;
}

static int add_version(const struct scan *scan, struct package *package, struct available *fresh,
                       const struct deb822_stanza *stanza)
{
        struct available *list;
        int r;

        if (package->n_available >= DEB_VERSIONS_MAX)
                return -E2BIG;
        list = reallocarray(package->available, package->n_available + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        package->available = list;
        r = fill_version(fresh, stanza, package->name);
        if (r >= 0)
                r = add_index(fresh, scan->index);
        if (r < 0)
                return r;
        list[package->n_available++] = *fresh;
        *fresh = (struct available){0};
        return 0;
}

/* A stanza of a package in the table. */
static int take_version(const struct scan *scan, struct package *package,
                        const struct deb822_stanza *stanza)
{
        struct available fresh = {0};
        int r;

        r = deb822_get(stanza, "Version", &fresh.version);
        if (r < 0 || !fresh.version)
                return r;
        for (size_t i = 0; i < package->n_available; i++) {
                struct available *known = &package->available[i];

                if (strcmp(known->version, fresh.version) != 0)
                        continue;
                free(fresh.version);
                return add_index(known, scan->index);
        }
        /* An older version matters only where a pin may prefer it. */
        if (package->version && !scan->collector->may_downgrade &&
            version_deb_compare(fresh.version, package->version) < 0) {
                free(fresh.version);
                return 0;
        }
        r = add_version(scan, package, &fresh, stanza);
        inventory_clear_available(&fresh);
        return r;
}

static int take_stanza(const struct deb822_stanza *stanza, void *arg, struct diag *diag)
{
        const struct scan *scan = arg;
        const char *native = scan->collector->inventory->arch;
        struct deb822_value name = deb822_find(stanza, "Package");
        CLEANUP(freep) char *arch = NULL;
        struct deb_package *found;
        int r;

        r = deb822_get(stanza, "Architecture", &arch);
        if (r < 0)
                return r;
        found = deb_table_find_arch(&scan->collector->table, name.at, name.length,
                                    arch ? arch : native, native);
        if (!found || !is_wanted(found, scan->role))
                return 0;
        r = take_version(scan, &found->package, stanza);
        if (r == -E2BIG)
                return diag_fail(diag, r, "%s: more than %d versions", found->package.name,
                                 DEB_VERSIONS_MAX);
        return r;
}

static int feed(const char *bytes, size_t size, void *arg, struct diag *diag)
{
        return deb822_feed(arg, bytes, size, diag);
}

static int read_index(struct scan *scan, const struct deb_index *item, struct diag *diag)
{
        const struct deb822_handler handler = {.wants = wants, .take = take_stanza, .arg = scan};
        CLEANUP(deb822_reader_freep) struct deb822_reader *reader = deb822_reader_new(&handler);
        CLEANUP(closep)
        int fd = root_openat(scan->collector->root, item->index->path, O_RDONLY | O_NONBLOCK);
        int r;

        if (!reader)
                return -ENOMEM;
        if (fd < 0)
                return diag_fail(diag, fd, "%s: %s", item->index->path, strerrordesc_np(-fd));
        r = archive_read_stream(fd, item->compressed, DEB_INDEX_SIZE_MAX, feed, reader, diag);
        if (r >= 0)
                r = deb822_finish(reader, diag);
        if (r >= 0 && item->expected_size >= 0 &&
            (uint64_t)item->expected_size != deb822_size(reader))
                r = diag_fail(diag, -EBADMSG,
                              "it has %zu bytes where the signed Release file says %lld: run "
                              "apt-get update",
                              deb822_size(reader), (long long)item->expected_size);
        if (r < 0)
                diag_prefix(diag, "%s", item->index->path);
        return r;
}

static void mark_searched(struct deb_table *table, enum deb_role role)
{
        for (size_t i = 0; i < table->n_items; i++)
                if (table->items[i].role == role)
                        table->items[i].searched = true;
}

int deb_scan(struct deb_collector *collector, enum deb_role role)
{
        for (size_t i = 0; i < collector->n_indexes; i++) {
                struct scan scan = {
                    .collector = collector, .index = collector->indexes[i].index, .role = role};
                struct diag diag = {0};
                int r;

                if (!scan.index->path)
                        continue;
                r = read_index(&scan, &collector->indexes[i], &diag);
                /* A broken index was named by the first pass. */
                if (r < 0 && (r == -ENOMEM || role == DEB_INSTALLED)) {
                        r = deb_problem_from(collector, r, &diag);
                        if (r < 0)
                                return r;
                }
        }
        mark_searched(&collector->table, role);
        return 0;
}
