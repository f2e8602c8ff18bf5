/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/packages/archives.h"

#include "base/digest.h"
#include "base/str.h"
#include "host/files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
        READ_BYTES = 128 * 1024,
        NAMES_MAX = 100000,
        SPACE_RESERVE_BYTES = 64 * 1024 * 1024, /* that the rest of the host keeps */
        BYTES_PER_MB = 1000 * 1000,
};

/* ---- names ---- */

/* "pool/a/app_2.0_all.deb" says the archive's architecture; the installed version's may differ. */
static char *archive_arch(const struct installer *installer, const struct plan_item *item)
{
        const char *file = item->target->file.filename;
        const char *mark = file ? strrchr(file, '_') : NULL;
        size_t suffix = strlen(installer->backend->archive_suffix);

        if (!mark || strchr(mark, '/') || !str_has_suffix(mark, installer->backend->archive_suffix))
                return strdup(item->arch);
        return strndup(mark + 1, strlen(mark + 1) - suffix);
}

static char *archive_path(const struct installer *installer, const struct plan_item *item,
                          const char *arch)
{
        CLEANUP(freep)
        char *name = installer->backend->archive_name(item->name, item->version_to, arch);

        return name ? str_format("%s%s", installer->archives, name) : NULL;
}

char *archives_expected(const struct installer *installer, const struct plan_item *item)
{
        CLEANUP(freep) char *arch = archive_arch(installer, item);

        return arch ? archive_path(installer, item, arch) : NULL;
}

/* Where the archive is, or where it will be. */
static int find_archive(const struct installer *installer, const struct plan_item *item,
                        const char *native_arch, char **ret_path)
{
        CLEANUP(freep) char *likely = archive_arch(installer, item);
        const char *const archs[] = {likely, item->arch, native_arch, "all"};
        struct stat st;

        if (!likely)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(archs); i++) {
                CLEANUP(freep) char *path = archive_path(installer, item, archs[i]);

                if (!path)
                        return -ENOMEM;
                if (lstat(path, &st) == 0) {
                        *ret_path = TAKE_PTR(path);
                        return 0;
                }
        }
        *ret_path = archive_path(installer, item, likely);
        return *ret_path ? -ENOENT : -ENOMEM;
}

/* ---- checking ---- */

static int digest_file(int fd, char ret[static SHA256_TEXT_SIZE])
{
        CLEANUP(digest_freep) struct digest *digest = digest_new();
        CLEANUP(freep) char *buffer = malloc(READ_BYTES);
        ssize_t n;
        int r = digest && buffer ? 0 : -ENOMEM;

        while (r >= 0 && (n = read(fd, buffer, READ_BYTES)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                r = n < 0 ? -errno : digest_add(digest, buffer, (size_t)n);
        }
        return r < 0 ? r : digest_finish(digest, ret);
}

/* Nobody but root may be able to change it between this look and its use. */
int archives_measure(const char *path, struct package_file *ret, struct diag *diag)
{
        CLEANUP(closep) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return diag_fail(diag, -EBADMSG, "%s: cannot open: %s", path,
                                 strerrordesc_np(errno));
        if (!S_ISREG(st.st_mode) || st.st_uid != 0 || st.st_nlink != 1 ||
            (st.st_mode & (S_IWGRP | S_IWOTH)))
                return diag_fail(diag, -EBADMSG, "%s: is not a plain file of root alone", path);
        ret->size_bytes = st.st_size;
        r = digest_file(fd, ret->sha256);
        if (r < 0)
                return diag_fail(diag, r, "%s: cannot read: %s", path, strerrordesc_np(-r));
        return 0;
}

int archives_check_file(const char *path, const struct package_file *expected, struct diag *diag)
{
        struct package_file found = {0};
        int r = archives_measure(path, &found, diag);

        if (r < 0)
                return r;
        if (found.size_bytes != expected->size_bytes)
                return diag_fail(diag, -EBADMSG,
                                 "%s: has %" PRId64 " bytes, the signed index says %" PRId64, path,
                                 found.size_bytes, expected->size_bytes);
        if (strcmp(found.sha256, expected->sha256) != 0)
                return diag_fail(diag, -EBADMSG,
                                 "%s: SHA256 is %s, the signed index says %s; the file was removed",
                                 path, found.sha256, expected->sha256);
        return 0;
}

int archives_verify(const struct installer *installer, const struct plan_item *item,
                    const char *native_arch, struct diag *diag)
{
        CLEANUP(freep) char *path = NULL;
        int r = find_archive(installer, item, native_arch, &path);

        if (r == -ENOENT)
                return diag_fail(diag, r, "%s: has not been fetched", path);
        if (r < 0)
                return r;
        r = archives_check_file(path, &item->target->file, diag);
        if (r == -EBADMSG)
                (void)unlink(path);
        return r;
}

int archives_check_space(const struct installer *installer, const struct plan_step *step,
                         const char *native_arch, struct diag *diag)
{
        uint64_t needed = 0, free_bytes;
        struct statvfs st;

        for (size_t i = 0; i < step->n_items; i++)
                if (archives_verify(installer, &step->items[i], native_arch, NULL) < 0)
                        needed += (uint64_t)step->items[i].target->file.size_bytes;
        if (needed == 0)
                return 0;
        if (statvfs(installer->archives, &st) < 0)
                return diag_fail(diag, -errno, "%s: cannot ask for free space: %s",
                                 installer->archives, strerrordesc_np(errno));
        free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
        if (free_bytes >= needed + SPACE_RESERVE_BYTES)
                return 0;
        return diag_fail(diag, -ENOSPC,
                         "%s: %" PRIu64 " MB are needed for the downloads and %d MB as reserve, "
                         "but only %" PRIu64 " MB are free; make room there",
                         installer->archives, needed / BYTES_PER_MB + 1,
                         SPACE_RESERVE_BYTES / BYTES_PER_MB, free_bytes / BYTES_PER_MB);
}

/* ---- fetching ---- */

static int copy_bytes(int from, int to)
{
        CLEANUP(freep) char *buffer = malloc(READ_BYTES);
        ssize_t n;

        if (!buffer)
                return -ENOMEM;
        while ((n = read(from, buffer, READ_BYTES)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 || write(to, buffer, (size_t)n) != n)
                        return n < 0 ? -errno : -ENOSPC;
        }
        return fchmod(to, 0644) < 0 ? -errno : 0;
}

int archives_copy_file(const char *source, const char *path, int64_t size_bytes)
{
        CLEANUP(freep) char *temporary = str_format("%s.new", path);
        CLEANUP(closep) int from = open(source, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        CLEANUP(closep) int to = -EBADF;
        struct stat st;
        int r;

        if (!temporary)
                return -ENOMEM;
        if (from < 0 || fstat(from, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size != size_bytes)
                return -EBADMSG;
        (void)unlink(temporary);
        to = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (to < 0)
                return -errno;
        r = copy_bytes(from, to);
        if (r >= 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0)
                (void)unlink(temporary);
        return r;
}

/* apt uses archives of file: sources in their place; ours have to be in our folder. */
static int fetch_local(const struct installer *installer, const struct plan_item *item,
                       const char *native_arch)
{
        const struct available *target = item->target;
        const char *uri = target->n_indexes > 0 ? target->indexes[0]->uri : "";
        CLEANUP(freep) char *path = NULL, *source = NULL;
        int r;

        if (!str_has_prefix(uri, "file:"))
                return 0;
        r = find_archive(installer, item, native_arch, &path);
        if (r < 0 && r != -ENOENT)
                return r;
        uri += strlen("file:");
        source = str_format("/%s/%s", uri + strspn(uri, "/"), target->file.filename);
        if (!source)
                return -ENOMEM;
        r = archives_copy_file(source, path, target->file.size_bytes);
        return r == -ENOMEM ? r : 0;
}

/* The fetching process, which is not root, might still hold the file open: take a copy of it. */
static int adopt(const struct installer *installer, const struct plan_item *item,
                 const char *native_arch)
{
        CLEANUP(freep) char *path = NULL;
        int r = find_archive(installer, item, native_arch, &path);

        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = archives_copy_file(path, path, item->target->file.size_bytes);
        return r == -ENOMEM ? r : 0;
}

int archives_fetch(struct installer *installer, const struct plan_step *step,
                   const char *native_arch, char **ret_text, struct diag *diag)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        CLEANUP(freep) bool *is_missing = calloc(step->n_items + 1, sizeof(*is_missing));
        CLEANUP(freep) char *call = NULL;
        size_t n_missing = 0;
        int r = is_missing ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < step->n_items; i++) {
                is_missing[i] = archives_verify(installer, &step->items[i], native_arch, NULL) < 0;
                if (is_missing[i])
                        r = fetch_local(installer, &step->items[i], native_arch);
                n_missing += is_missing[i];
        }
        if (r < 0 || n_missing == 0)
                return r;
        r = installer_allow(installer, step, native_arch, diag);
        if (r >= 0)
                r = installer_run(installer, BACKEND_DOWNLOAD, &result, diag);
        for (size_t i = 0; r >= 0 && i < step->n_items; i++)
                if (is_missing[i])
                        r = adopt(installer, &step->items[i], native_arch);
        if (r < 0)
                return r;
        if (installer_succeeded(&result))
                return 0;
        call = spawn_describe(&result);
        *ret_text = str_format("%s\n%s", result.error_output.data ?: "", call ?: "");
        return *ret_text ? 0 : -ENOMEM;
}

/* apt puts them where its own user can write; from there they come to us as a copy. */
static int take_fetched(const struct installer *installer, const struct plan_item *item)
{
        CLEANUP(freep) char *path = archives_expected(installer, item);
        CLEANUP(freep) char *partial = NULL;
        int r;

        if (!path)
                return -ENOMEM;
        partial = str_format("%spartial/%s", installer->archives, strrchr(path, '/') + 1);
        if (!partial)
                return -ENOMEM;
        r = archives_copy_file(partial, path, item->target->file.size_bytes);
        (void)unlink(partial);
        return r == -ENOMEM ? r : 0;
}

static int fetch_together(struct installer *installer, const struct plan_step *step,
                          const char *native_arch, struct diag *diag)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        int r = installer_fetch(installer, step, native_arch, &result, diag);

        for (size_t i = 0; r >= 0 && i < step->n_items; i++)
                r = take_fetched(installer, &step->items[i]);
        return r;
}

/* The part of the step that is not there; items are borrowed, the array is owned. */
static int find_missing(const struct installer *installer, const struct plan_step *step,
                        const char *native_arch, struct plan_step *ret)
{
        struct plan_item *items = calloc(step->n_items + 1, sizeof(*items));
        size_t n = 0;

        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < step->n_items; i++)
                if (archives_verify(installer, &step->items[i], native_arch, NULL) < 0)
                        items[n++] = step->items[i];
        *ret = (struct plan_step){.items = items, .n_items = n};
        return 0;
}

/* One that apt refuses makes it fetch none of a call: then each is tried alone. */
int archives_fetch_versions(struct installer *installer, const struct plan_step *step,
                            const char *native_arch, struct diag *diag)
{
        struct plan_step missing = {0}, left = {0};
        int r = find_missing(installer, step, native_arch, &missing);

        if (r >= 0 && missing.n_items > 0)
                r = fetch_together(installer, &missing, native_arch, diag);
        if (r >= 0)
                r = find_missing(installer, &missing, native_arch, &left);
        for (size_t i = 0; r >= 0 && missing.n_items > 1 && i < left.n_items; i++) {
                const struct plan_step alone = {.items = &left.items[i], .n_items = 1};

                r = fetch_together(installer, &alone, native_arch, diag);
        }
        free(missing.items);
        free(left.items);
        return r;
}

/* Nobody but root can change what lies in the folder between the look and its use. */
int archives_open(const struct installer *installer, const struct plan_item *item,
                  const char *native_arch, int *ret_fd, struct diag *diag)
{
        CLEANUP(freep) char *path = NULL;
        int r = archives_verify(installer, item, native_arch, diag), fd;

        if (r >= 0)
                r = find_archive(installer, item, native_arch, &path);
        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return diag_fail(diag, -errno, "%s: cannot open: %s", path, strerrordesc_np(errno));
        *ret_fd = fd;
        return 0;
}

char *archives_failure(const char *text, const struct plan_item *item)
{
        CLEANUP(freep) char *mark = str_format("/%s_", item->name);
        const char *found = mark ? strstr(text, mark) : NULL, *start;

        if (!found)
                found = text + strlen(text);
        start = memrchr(text, '\n', (size_t)(found - text));
        start = start ? start + 1 : text;
        return strndup(start, strcspn(start, "\n"));
}

/* ---- tidying up ---- */

/* Out of memory, everything is kept. */
static bool is_archive_of(const struct installer *installer, const struct plan_item *item,
                          const char *native_arch, const char *path)
{
        CLEANUP(freep) char *kept = NULL;

        return find_archive(installer, item, native_arch, &kept) == -ENOMEM ||
               strcmp(kept, path) == 0;
}

static bool is_kept(const struct installer *installer, const struct plan_item *const *keep,
                    size_t n, const struct plan_step *waiting, const char *native_arch,
                    const char *path)
{
        for (size_t i = 0; i < n; i++)
                if (is_archive_of(installer, keep[i], native_arch, path))
                        return true;
        for (size_t i = 0; i < waiting->n_items; i++)
                if (is_archive_of(installer, &waiting->items[i], native_arch, path))
                        return true;
        return false;
}

void archives_prune(const struct installer *installer, const struct plan_item *const *keep,
                    size_t n, const struct plan_step *waiting, const char *native_arch)
{
        CLEANUP(strv_done) struct strv names = {0};

        if (files_list(installer->archives, installer->backend->archive_suffix, NAMES_MAX, &names,
                       NULL) < 0)
                return;
        for (size_t i = 0; i < names.n_items; i++) {
                CLEANUP(freep) char *path = str_format("%s%s", installer->archives, names.items[i]);

                if (path && !is_kept(installer, keep, n, waiting, native_arch, path))
                        (void)unlink(path);
        }
}
