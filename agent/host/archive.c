/* SPDX-License-Identifier: Apache-2.0 */
#include "host/archive-private.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

void archive_settle_zone(void)
{
        (void)setenv("TZ", ":/etc/localtime", 0);
}

static int too_big(uint64_t max_bytes, struct diag *diag)
{
        return diag_fail(diag, -EFBIG, "more than %llu bytes", (unsigned long long)max_bytes);
}

static int read_plain(int fd, uint64_t max_bytes, archive_sink_fn sink, void *arg,
                      struct diag *diag)
{
        CLEANUP(freep) char *block = malloc(ARCHIVE_BLOCK_SIZE);
        uint64_t n_bytes = 0;
        int r;

        if (!block)
                return -ENOMEM;
        for (;;) {
                ssize_t n = read(fd, block, ARCHIVE_BLOCK_SIZE);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return diag_fail(diag, -errno, "cannot be read: %s",
                                         strerrordesc_np(errno));
                if (n == 0)
                        return 0;
                n_bytes += (uint64_t)n;
                if (n_bytes > max_bytes)
                        return too_big(max_bytes, diag);
                r = sink(block, (size_t)n, arg, diag);
                if (r < 0)
                        return r;
        }
}

void archive_reader_freep(struct archive **archive)
{
        if (*archive)
                (void)archive_read_free(*archive);
}

int archive_broken(struct archive *archive, struct diag *diag)
{
        const char *why = archive_error_string(archive);

        return diag_fail(diag, -EBADMSG, "cannot be decompressed: %s", why ? why : "it is cut");
}

struct archive *archive_new_reader(void)
{
        static int (*const filters[])(struct archive *) = {
            archive_read_support_filter_gzip,  archive_read_support_filter_xz,
            archive_read_support_filter_lz4,   archive_read_support_filter_zstd,
            archive_read_support_filter_bzip2, archive_read_support_filter_lzma,
        };
        struct archive *archive = archive_read_new();

        if (!archive)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(filters); i++)
                (void)filters[i](archive);
        return archive;
}

struct archive *archive_new_raw_reader(void)
{
        struct archive *archive = archive_new_reader();

        if (archive)
                (void)archive_read_support_format_raw(archive);
        return archive;
}

/* One decoded block; size 0 at the end of the file. */
static int read_block(struct archive *archive, const char **ret, size_t *ret_size,
                      struct diag *diag)
{
        const void *block;
        la_int64_t offset;
        int r = archive_read_data_block(archive, &block, ret_size, &offset);

        if (r == ARCHIVE_EOF)
                *ret_size = 0;
        else if (r != ARCHIVE_OK)
                return archive_broken(archive, diag);
        *ret = block;
        return r == ARCHIVE_EOF ? 0 : 1;
}

int archive_read_blocks(struct archive *archive, uint64_t max_bytes, uint64_t *n_bytes,
                        archive_sink_fn sink, void *arg, struct diag *diag)
{
        for (;;) {
                const char *block = NULL;
                size_t size = 0;
                int r = read_block(archive, &block, &size, diag);

                if (r <= 0)
                        return r;
                *n_bytes += size;
                if (*n_bytes > max_bytes)
                        return too_big(max_bytes, diag);
                r = sink(block, size, arg, diag);
                if (r < 0)
                        return r;
        }
}

static int read_compressed(int fd, uint64_t max_bytes, archive_sink_fn sink, void *arg,
                           struct diag *diag)
{
        CLEANUP(archive_reader_freep) struct archive *archive = archive_new_raw_reader();
        struct archive_entry *entry;
        uint64_t n_bytes = 0;

        if (!archive)
                return -ENOMEM;
        if (archive_read_open_fd(archive, fd, ARCHIVE_BLOCK_SIZE) != ARCHIVE_OK ||
            archive_read_next_header(archive, &entry) != ARCHIVE_OK)
                return archive_broken(archive, diag);
        return archive_read_blocks(archive, max_bytes, &n_bytes, sink, arg, diag);
}

int archive_read_stream(int fd, bool compressed, uint64_t max_bytes, archive_sink_fn sink,
                        void *arg, struct diag *diag)
{
        return compressed ? read_compressed(fd, max_bytes, sink, arg, diag)
                          : read_plain(fd, max_bytes, sink, arg, diag);
}

/* ---- the files of an archive ---- */

static int visit_file(struct archive *archive, struct archive_entry *entry,
                      const struct archive_limits *limits, const struct archive_visitor *visitor,
                      uint64_t *n_bytes, struct diag *diag)
{
        bool is_archive = archive_format(archive) != ARCHIVE_FORMAT_RAW;
        const char *label = is_archive ? archive_entry_pathname(entry) ?: "(no name)" : NULL;
        int r;

        if (is_archive && archive_entry_filetype(entry) != AE_IFREG)
                return 0;
        r = visitor->begin(label, visitor->arg, diag);
        if (r <= 0)
                return r;
        r = archive_read_blocks(archive, limits->max_bytes, n_bytes, visitor->bytes, visitor->arg,
                                diag);
        if (r >= 0)
                r = visitor->end(visitor->arg, diag);
        if (r < 0 && label)
                diag_prefix(diag, "%.200s", label);
        return r;
}

/* Streaming: the list at the end of a zip would be held in memory as a whole. */
int archive_read_files(int fd, const struct archive_limits *limits,
                       const struct archive_visitor *visitor, struct diag *diag)
{
        CLEANUP(archive_reader_freep) struct archive *archive = archive_new_raw_reader();
        struct archive_entry *entry;
        uint64_t n_bytes = 0;

        if (!archive)
                return -ENOMEM;
        (void)archive_read_support_format_zip_streamable(archive);
        (void)archive_read_support_format_tar(archive);
        if (archive_read_open_fd(archive, fd, ARCHIVE_BLOCK_SIZE) != ARCHIVE_OK)
                return archive_broken(archive, diag);
        for (size_t n_files = 0;; n_files++) {
                int r = archive_read_next_header(archive, &entry);

                if (r == ARCHIVE_EOF)
                        return 0;
                if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
                        return archive_broken(archive, diag);
                if (n_files == limits->max_files)
                        return diag_fail(diag, -E2BIG, "more than %zu files", limits->max_files);
                r = visit_file(archive, entry, limits, visitor, &n_bytes, diag);
                if (r < 0)
                        return r;
        }
}

/* ---- writing ---- */

enum { GZIP_SLACK_BYTES = 64 * 1024 }; /* over the input: what can't be packed grows a little */

static void archive_write_freep(struct archive **archive)
{
        if (*archive)
                (void)archive_write_free(*archive);
}

static void archive_entry_freep(struct archive_entry **entry)
{
        archive_entry_free(*entry);
}

static bool write_gzip(struct archive *archive, struct archive_entry *entry, const void *bytes,
                       size_t size, struct blob *out, size_t *used)
{
        archive_entry_set_filetype(entry, AE_IFREG);
        return archive_write_set_format_raw(archive) == ARCHIVE_OK &&
               archive_write_add_filter_gzip(archive) == ARCHIVE_OK &&
               archive_write_set_filter_option(archive, "gzip", "timestamp", NULL) == ARCHIVE_OK &&
               archive_write_set_bytes_in_last_block(archive, 1) == ARCHIVE_OK &&
               archive_write_open_memory(archive, out->data, out->size, used) == ARCHIVE_OK &&
               archive_write_header(archive, entry) == ARCHIVE_OK &&
               archive_write_data(archive, bytes, size) == (la_ssize_t)size &&
               archive_write_close(archive) == ARCHIVE_OK;
}

int archive_gzip(const void *bytes, size_t size, struct blob *ret, struct diag *diag)
{
        CLEANUP(archive_write_freep) struct archive *archive = archive_write_new();
        CLEANUP(archive_entry_freep) struct archive_entry *entry = archive_entry_new();
        CLEANUP(blob_done) struct blob out = {.size = size + GZIP_SLACK_BYTES};
        size_t used = 0;

        out.data = malloc(out.size + 1);
        if (!archive || !entry || !out.data)
                return -ENOMEM;
        if (!write_gzip(archive, entry, bytes, size, &out, &used))
                return diag_fail(diag, -EIO, "cannot be compressed: %s",
                                 archive_error_string(archive) ?: "libarchive gives no reason");
        out.size = used;
        out.data[used] = '\0';
        *ret = out;
        out = (struct blob){0};
        return 0;
}

/* ---- zstd ---- */

/* Feeds are packed once and read by every node. */
#define PACKER_LEVEL "15"

struct archive_packer {
        struct archive *archive;
        struct str out;
};

static la_ssize_t packer_write(struct archive *archive, void *context, const void *bytes,
                               size_t size)
{
        struct archive_packer *packer = context;

        (void)archive;
        str_append_n(&packer->out, bytes, size);
        return packer->out.failed ? -1 : (la_ssize_t)size;
}

static int packer_fail(const struct archive_packer *packer, struct diag *diag)
{
        if (packer->out.failed)
                return -ENOMEM;
        return diag_fail(diag, -EIO, "cannot be packed: %s",
                         archive_error_string(packer->archive) ?: "libarchive gives no reason");
}

int archive_packer_new(struct archive_packer **ret, struct diag *diag)
{
        CLEANUP(archive_packer_freep) struct archive_packer *packer = calloc(1, sizeof(*packer));
        CLEANUP(archive_entry_freep) struct archive_entry *entry = archive_entry_new();

        if (!packer || !entry)
                return -ENOMEM;
        packer->archive = archive_write_new();
        if (!packer->archive)
                return -ENOMEM;
        archive_entry_set_filetype(entry, AE_IFREG);
        if (archive_write_set_format_raw(packer->archive) != ARCHIVE_OK ||
            archive_write_add_filter_zstd(packer->archive) != ARCHIVE_OK ||
            archive_write_set_filter_option(packer->archive, "zstd", "compression-level",
                                            PACKER_LEVEL) != ARCHIVE_OK ||
            archive_write_set_bytes_in_last_block(packer->archive, 1) != ARCHIVE_OK ||
            archive_write_open(packer->archive, packer, NULL, packer_write, NULL) != ARCHIVE_OK ||
            archive_write_header(packer->archive, entry) != ARCHIVE_OK)
                return packer_fail(packer, diag);
        *ret = TAKE_PTR(packer);
        return 0;
}

void archive_packer_free(struct archive_packer *packer)
{
        if (!packer)
                return;
        (void)archive_write_free(packer->archive);
        str_done(&packer->out);
        free(packer);
}

int archive_packer_add(struct archive_packer *packer, const void *bytes, size_t size,
                       struct diag *diag)
{
        return archive_write_data(packer->archive, bytes, size) == (la_ssize_t)size
                   ? 0
                   : packer_fail(packer, diag);
}

int archive_packer_finish(struct archive_packer *packer, struct blob *ret, struct diag *diag)
{
        size_t size;
        int r;

        if (archive_write_close(packer->archive) != ARCHIVE_OK)
                return packer_fail(packer, diag);
        size = packer->out.length;
        r = str_take(&packer->out, &ret->data);
        if (r < 0)
                return r;
        ret->size = size;
        return 0;
}
