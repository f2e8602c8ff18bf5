/* SPDX-License-Identifier: Apache-2.0 */
#include "host/archive-private.h"

#include "base/str.h"

#include <string.h>

/* A file inside an archive is the input of the next reader: ar, then tar, then gzip. */
static la_ssize_t read_outer(struct archive *inner, void *outer, const void **ret)
{
        size_t size = 0;
        la_int64_t offset;
        int r;

        do
                r = archive_read_data_block(outer, ret, &size, &offset);
        while (r == ARCHIVE_OK && size == 0);
        if (r == ARCHIVE_EOF)
                return 0;
        if (r == ARCHIVE_OK)
                return (la_ssize_t)size;
        archive_set_error(inner, EIO, "%s", archive_error_string(outer) ?: "it is cut");
        return -1;
}

struct deb {
        const struct archive_limits *limits;
        const struct archive_visitor *visitor;
        archive_link_fn link;
        size_t n_files;
        uint64_t n_unpacked_bytes; /* as the headers say; what is skipped has to be decoded too */
        uint64_t n_read_bytes;
};

static int read_gzip(struct deb *deb, struct archive *tar, struct diag *diag)
{
        CLEANUP(archive_reader_freep) struct archive *gzip = archive_new_raw_reader();
        struct archive_entry *entry;
        int r;

        if (!gzip)
                return -ENOMEM;
        r = archive_read_open(gzip, tar, NULL, read_outer, NULL);
        if (r == ARCHIVE_OK)
                r = archive_read_next_header(gzip, &entry);
        if (r == ARCHIVE_EOF)
                return 0; /* an empty file */
        if (r != ARCHIVE_OK)
                return archive_broken(gzip, diag);
        return archive_read_blocks(gzip, deb->limits->max_bytes, &deb->n_read_bytes,
                                   deb->visitor->bytes, deb->visitor->arg, diag);
}

static int visit_file(struct deb *deb, struct archive *tar, const char *path, struct diag *diag)
{
        const struct archive_visitor *visitor = deb->visitor;
        int r = visitor->begin(path, visitor->arg, diag);

        if (r <= 0)
                return r;
        if (str_has_suffix(path, ".gz"))
                r = read_gzip(deb, tar, diag);
        else
                r = archive_read_blocks(tar, deb->limits->max_bytes, &deb->n_read_bytes,
                                        visitor->bytes, visitor->arg, diag);
        if (r >= 0 || r == -ECANCELED)
                r = visitor->end(visitor->arg, diag);
        if (r < 0)
                diag_prefix(diag, "%.200s", path);
        return r;
}

static int check_limits(struct deb *deb, struct archive_entry *entry, struct diag *diag)
{
        la_int64_t size = archive_entry_size(entry);

        if (++deb->n_files > deb->limits->max_files)
                return diag_fail(diag, -E2BIG, "more than %zu files", deb->limits->max_files);
        if (size < 0 || (uint64_t)size > deb->limits->max_bytes - deb->n_unpacked_bytes)
                return diag_fail(diag, -EFBIG, "more than %llu bytes unpacked",
                                 (unsigned long long)deb->limits->max_bytes);
        deb->n_unpacked_bytes += (uint64_t)size;
        return 0;
}

static int visit_entry(struct deb *deb, struct archive *tar, struct archive_entry *entry,
                       struct diag *diag)
{
        const char *path = archive_entry_pathname(entry) ?: "";
        const char *target = archive_entry_hardlink(entry) ?: archive_entry_symlink(entry);
        int r = check_limits(deb, entry, diag);

        if (r < 0)
                return r;
        path += str_has_prefix(path, "./") ? 2 : str_has_prefix(path, "/") ? 1 : 0;
        if (target)
                return deb->link(path, target, deb->visitor->arg, diag);
        return archive_entry_filetype(entry) == AE_IFREG ? visit_file(deb, tar, path, diag) : 0;
}

static int read_data(struct deb *deb, struct archive *outer, struct diag *diag)
{
        CLEANUP(archive_reader_freep) struct archive *tar = archive_new_reader();
        struct archive_entry *entry;

        if (!tar)
                return -ENOMEM;
        (void)archive_read_support_format_tar(tar);
        if (archive_read_open(tar, outer, NULL, read_outer, NULL) != ARCHIVE_OK)
                return archive_broken(tar, diag);
        for (;;) {
                int r = archive_read_next_header(tar, &entry);

                if (r == ARCHIVE_EOF)
                        return 0;
                if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
                        return archive_broken(tar, diag);
                r = visit_entry(deb, tar, entry, diag);
                if (r < 0)
                        return r;
        }
}

int archive_read_deb(int fd, const struct archive_limits *limits,
                     const struct archive_visitor *visitor, archive_link_fn link, struct diag *diag)
{
        CLEANUP(archive_reader_freep) struct archive *outer = archive_read_new();
        struct deb deb = {.limits = limits, .visitor = visitor, .link = link};
        struct archive_entry *entry;
        int r;

        if (!outer)
                return -ENOMEM;
        (void)archive_read_support_format_ar(outer);
        if (archive_read_open_fd(outer, fd, ARCHIVE_BLOCK_SIZE) != ARCHIVE_OK)
                return archive_broken(outer, diag);
        do {
                r = archive_read_next_header(outer, &entry);
                if (r == ARCHIVE_EOF)
                        return diag_fail(diag, -EBADMSG, "it has no data.tar");
                if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
                        return archive_broken(outer, diag);
        } while (!str_has_prefix(archive_entry_pathname(entry) ?: "", "data.tar"));
        return read_data(&deb, outer, diag);
}
