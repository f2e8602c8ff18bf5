/* SPDX-License-Identifier: Apache-2.0 */
#include "host/root.h"

#include "host/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

static int open_in(int fd, const char *path, uint64_t flags)
{
        const struct open_how how = {.flags = flags | O_CLOEXEC,
                                     .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
        long opened;

        /* The kernel asks for another try when something was renamed meanwhile. */
        do
                opened = syscall(SYS_openat2, fd, path, &how, sizeof(how));
        while (opened < 0 && (errno == EINTR || errno == EAGAIN));
        return opened < 0 ? -errno : (int)opened;
}

int root_open(const char *path, struct root *ret, struct diag *diag)
{
        struct stat top, opened;
        struct root root = {.fd = -EBADF};
        int r;

        if (!path)
                path = "/";
        root.fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root.fd < 0)
                return diag_fail(diag, -errno, "%s: cannot open the root: %s", path,
                                 strerrordesc_np(errno));
        if (stat("/", &top) < 0 || fstat(root.fd, &opened) < 0) {
                r = -errno;
                root_done(&root);
                return diag_fail(diag, r, "%s: cannot be looked at: %s", path, strerrordesc_np(-r));
        }
        root.is_host = top.st_dev == opened.st_dev && top.st_ino == opened.st_ino;
        root.path = strdup(path);
        if (!root.path) {
                root_done(&root);
                return -ENOMEM;
        }
        r = open_in(root.fd, ".", O_PATH);
        if (r < 0) {
                root_done(&root);
                return diag_fail(diag, r, "%s: openat2 failed: %s (Linux 5.6 or newer is needed)",
                                 path, strerrordesc_np(-r));
        }
        (void)close(r);
        *ret = root;
        return 0;
}

void root_done(struct root *root)
{
        closep(&root->fd);
        root->fd = -EBADF;
        free(root->path);
        root->path = NULL;
}

int root_openat(const struct root *root, const char *path, int flags)
{
        return open_in(root->fd, path, (uint64_t)flags);
}

int root_stat(const struct root *root, const char *path, struct stat *ret)
{
        CLEANUP(closep) int fd = root_openat(root, path, O_PATH);
        struct stat ignored;

        if (fd < 0)
                return fd;
        return fstat(fd, ret ? ret : &ignored) < 0 ? -errno : 0;
}

bool root_exists(const struct root *root, const char *path)
{
        return root_stat(root, path, NULL) == 0;
}

int root_read(const struct root *root, const char *path, size_t max_bytes, struct blob *ret,
              struct diag *diag)
{
        /* O_NONBLOCK: a FIFO in an image must not hang. */
        CLEANUP(closep) int fd = root_openat(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        struct stat found;
        int r;

        if (fd < 0)
                return diag_fail(diag, fd, "%s: %s", path, strerrordesc_np(-fd));
        if (fstat(fd, &found) < 0)
                return diag_fail(diag, -errno, "%s: %s", path, strerrordesc_np(errno));
        if (!S_ISREG(found.st_mode))
                return diag_fail(diag, S_ISDIR(found.st_mode) ? -EISDIR : -EINVAL,
                                 "%s: not a regular file", path);
        r = files_read_fd(fd, max_bytes, ret, diag);
        if (r < 0)
                diag_prefix(diag, "%s", path);
        return r;
}

int root_read_link(const struct root *root, const char *path, char **ret)
{
        CLEANUP(closep) int fd = root_openat(root, path, O_PATH | O_NOFOLLOW);
        char target[PATH_MAX];
        ssize_t length;

        if (fd < 0)
                return fd;
        length = readlinkat(fd, "", target, sizeof(target) - 1);
        if (length < 0)
                return errno == ENOENT ? -EINVAL : -errno;
        target[length] = '\0';
        *ret = strdup(target);
        return *ret ? 0 : -ENOMEM;
}

static void closedirp(DIR **dir)
{
        if (*dir)
                (void)closedir(*dir);
}

static int read_names(DIR *dir, size_t max_names, struct strv *ret)
{
        int r;

        for (;;) {
                const struct dirent *entry;

                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return -errno;
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                if (ret->n_items >= max_names)
                        return -E2BIG;
                r = strv_add(ret, entry->d_name);
                if (r < 0)
                        return r;
        }
}

int root_list(const struct root *root, const char *path, size_t max_names, struct strv *ret,
              struct diag *diag)
{
        CLEANUP(strv_done) struct strv names = {0};
        CLEANUP(closedirp) DIR *dir = NULL;
        int fd = root_openat(root, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
        int r;

        if (fd < 0)
                return diag_fail(diag, fd, "%s: %s", path, strerrordesc_np(-fd));
        dir = fdopendir(fd);
        if (!dir) {
                r = -errno;
                (void)close(fd);
                return diag_fail(diag, r, "%s: %s", path, strerrordesc_np(-r));
        }
        r = read_names(dir, max_names, &names);
        if (r == -E2BIG)
                return diag_fail(diag, r, "%s: more than %zu entries", path, max_names);
        if (r < 0)
                return diag_fail(diag, r, "%s: %s", path, strerrordesc_np(-r));
        strv_sort(&names);
        *ret = names;
        names = (struct strv){0};
        return 0;
}
