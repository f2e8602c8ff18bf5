/* SPDX-License-Identifier: Apache-2.0 */
#include "host/archive_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { COPY_BYTES = 128 * 1024 };

/* Kept for a while and mostly thrown away unread: speed counts, not size. */
#define GZIP_LEVEL "1"

struct archive_tar {
        struct archive *archive;
        struct archive_entry_linkresolver *links;
};

static int fail(struct archive *archive, const char *name, struct diag *diag)
{
        int error = archive_errno(archive);

        return diag_fail(diag, error > 0 ? -error : -EIO, "%s: cannot be packed: %s", name,
                         archive_error_string(archive) ?: "libarchive gives no reason");
}

static void entry_freep(struct archive_entry **entry)
{
        archive_entry_free(*entry);
}

static void writer_freep(struct archive **archive)
{
        if (*archive)
                (void)archive_write_free(*archive);
}

void archive_tar_free(struct archive_tar *tar)
{
        if (!tar)
                return;
        if (tar->archive)
                (void)archive_write_free(tar->archive);
        archive_entry_linkresolver_free(tar->links);
        free(tar);
}

int archive_tar_new(int fd, struct archive_tar **ret, struct diag *diag)
{
        CLEANUP(archive_tar_freep) struct archive_tar *tar = calloc(1, sizeof(*tar));

        if (!tar)
                return -ENOMEM;
        tar->archive = archive_write_new();
        tar->links = archive_entry_linkresolver_new();
        if (!tar->archive || !tar->links)
                return -ENOMEM;
        /* dpkg knows no pax headers. */
        archive_entry_linkresolver_set_strategy(tar->links, ARCHIVE_FORMAT_TAR_GNUTAR);
        if (archive_write_set_format_gnutar(tar->archive) != ARCHIVE_OK ||
            archive_write_add_filter_gzip(tar->archive) != ARCHIVE_OK ||
            archive_write_set_filter_option(tar->archive, "gzip", "compression-level",
                                            GZIP_LEVEL) != ARCHIVE_OK ||
            archive_write_set_filter_option(tar->archive, "gzip", "timestamp", NULL) !=
                ARCHIVE_OK ||
            archive_write_set_bytes_in_last_block(tar->archive, 1) != ARCHIVE_OK ||
            archive_write_open_fd(tar->archive, fd) != ARCHIVE_OK)
                return fail(tar->archive, "a new archive", diag);
        *ret = TAKE_PTR(tar);
        return 0;
}

static int write_entry(struct archive_tar *tar, struct archive_entry *entry, const void *bytes,
                       size_t size, struct diag *diag)
{
        const char *name = archive_entry_pathname(entry);

        if (archive_write_header(tar->archive, entry) != ARCHIVE_OK)
                return fail(tar->archive, name, diag);
        if (size > 0 && archive_write_data(tar->archive, bytes, size) != (la_ssize_t)size)
                return fail(tar->archive, name, diag);
        return 0;
}

int archive_tar_add_bytes(struct archive_tar *tar, const char *name, mode_t mode, const void *bytes,
                          size_t size, struct diag *diag)
{
        CLEANUP(entry_freep) struct archive_entry *entry = archive_entry_new();

        if (!entry)
                return -ENOMEM;
        archive_entry_set_pathname(entry, name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, mode);
        archive_entry_set_size(entry, (la_int64_t)size);
        archive_entry_set_mtime(entry, 0, 0);
        return write_entry(tar, entry, bytes, size, diag);
}

/* ---- files ---- */

static int read_link(const char *path, struct archive_entry *entry, struct diag *diag)
{
        char target[4096];
        ssize_t n = readlink(path, target, sizeof(target));

        if (n < 0 || (size_t)n == sizeof(target))
                return diag_fail(diag, n < 0 ? -errno : -ENAMETOOLONG, "%s: cannot read the link",
                                 path);
        target[n] = '\0';
        archive_entry_set_symlink(entry, target);
        return 0;
}

static int copy_content(struct archive_tar *tar, int fd, const char *path, off_t size,
                        struct diag *diag)
{
        CLEANUP(freep) char *buffer = malloc(COPY_BYTES);
        off_t left = size;
        ssize_t n;

        if (!buffer)
                return -ENOMEM;
        while ((n = read(fd, buffer, COPY_BYTES)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return diag_fail(diag, -errno, "%s: cannot read: %s", path,
                                         strerrordesc_np(errno));
                if (n > left)
                        break;
                if (archive_write_data(tar->archive, buffer, (size_t)n) != n)
                        return fail(tar->archive, path, diag);
                left -= n;
        }
        if (left == 0 && n == 0)
                return 0;
        return diag_fail(diag, -EAGAIN, "%s: changed while it was read", path);
}

static int add_regular(struct archive_tar *tar, const char *path, const char *name,
                       struct diag *diag)
{
        CLEANUP(closep) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        CLEANUP(entry_freep) struct archive_entry *entry = archive_entry_new();
        struct archive_entry *spare = NULL;
        struct stat st;
        int r;

        if (!entry)
                return -ENOMEM;
        if (fd < 0 || fstat(fd, &st) < 0)
                return diag_fail(diag, -errno, "%s: cannot open: %s", path, strerrordesc_np(errno));
        archive_entry_copy_stat(entry, &st);
        archive_entry_set_pathname(entry, name);
        archive_entry_linkify(tar->links, &entry, &spare);
        r = write_entry(tar, entry, NULL, 0, diag);
        if (r < 0 || archive_entry_hardlink(entry))
                return r;
        return copy_content(tar, fd, path, st.st_size, diag);
}

int archive_tar_add_file(struct archive_tar *tar, const char *path, const char *name,
                         bool is_folder, struct diag *diag)
{
        CLEANUP(entry_freep) struct archive_entry *entry = NULL;
        struct stat st;
        int r = 0;

        if (lstat(path, &st) < 0 || (is_folder && S_ISLNK(st.st_mode) && stat(path, &st) < 0))
                return diag_fail(diag, -errno, "%s: cannot read: %s", path, strerrordesc_np(errno));
        if (S_ISREG(st.st_mode))
                return add_regular(tar, path, name, diag);
        entry = archive_entry_new();
        if (!entry)
                return -ENOMEM;
        archive_entry_copy_stat(entry, &st);
        archive_entry_set_pathname(entry, name);
        archive_entry_set_size(entry, 0);
        if (S_ISLNK(st.st_mode))
                r = read_link(path, entry, diag);
        return r < 0 ? r : write_entry(tar, entry, NULL, 0, diag);
}

int archive_tar_finish(struct archive_tar *tar, struct diag *diag)
{
        if (archive_write_close(tar->archive) != ARCHIVE_OK)
                return fail(tar->archive, "the archive", diag);
        return 0;
}

/* ---- deb ---- */

static int begin_member(struct archive *archive, const char *name, off_t size, struct diag *diag)
{
        CLEANUP(entry_freep) struct archive_entry *entry = archive_entry_new();

        if (!entry)
                return -ENOMEM;
        archive_entry_set_pathname(entry, name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, size);
        archive_entry_set_mtime(entry, 0, 0);
        return archive_write_header(archive, entry) == ARCHIVE_OK ? 0 : fail(archive, name, diag);
}

static int add_member(struct archive *archive, const char *name, int fd, struct diag *diag)
{
        struct archive_tar borrowed = {.archive = archive};
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
                return diag_fail(diag, -errno, "%s: cannot read: %s", name, strerrordesc_np(errno));
        r = begin_member(archive, name, st.st_size, diag);
        return r < 0 ? r : copy_content(&borrowed, fd, name, st.st_size, diag);
}

int archive_deb_join(int fd, int control_fd, int data_fd, struct diag *diag)
{
        static const char version[] = "2.0\n";
        CLEANUP(writer_freep) struct archive *archive = archive_write_new();
        const size_t length = sizeof(version) - 1;
        int r;

        if (!archive)
                return -ENOMEM;
        if (archive_write_set_format_ar_bsd(archive) != ARCHIVE_OK ||
            archive_write_set_bytes_in_last_block(archive, 1) != ARCHIVE_OK ||
            archive_write_open_fd(archive, fd) != ARCHIVE_OK)
                return fail(archive, "the package", diag);
        r = begin_member(archive, "debian-binary", (off_t)length, diag);
        if (r >= 0 && archive_write_data(archive, version, length) != (la_ssize_t)length)
                r = fail(archive, "debian-binary", diag);
        if (r >= 0)
                r = add_member(archive, "control.tar.gz", control_fd, diag);
        if (r >= 0)
                r = add_member(archive, "data.tar.gz", data_fd, diag);
        if (r >= 0 && archive_write_close(archive) != ARCHIVE_OK)
                r = fail(archive, "the package", diag);
        return r;
}
