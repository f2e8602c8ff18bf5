/* SPDX-License-Identifier: Apache-2.0 */
#include "host/files.h"

#include "base/str.h"
#include "base/strv.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
        READ_STEP_BYTES = 64 * 1024, /* first buffer for files that do not tell their size */
        TEMPORARY_NAME_TRIES = 16,
        PATH_DEPTH_MAX = 64,
};

/* Says why the last system call failed; what is "open", "read", ... */
static int fail_errno(struct diag *diag, const char *path, const char *what)
{
        int error = errno;

        return diag_fail(diag, -error, "%s: cannot %s: %s", path, what, strerrordesc_np(error));
}

/* ---- reading ---- */

static ssize_t read_some(int fd, char *buffer, size_t size)
{
        ssize_t n;

        do
                n = read(fd, buffer, size);
        while (n < 0 && errno == EINTR);
        return n;
}

static size_t first_capacity(int fd, size_t max_bytes)
{
        struct stat st;

        /* One byte more than the file has, so that its end is seen without growing. */
        if (fstat(fd, &st) >= 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
            (unsigned long long)st.st_size <= max_bytes)
                return (size_t)st.st_size + 1;
        return max_bytes < READ_STEP_BYTES ? max_bytes + 1 : READ_STEP_BYTES;
}

int files_read_fd(int fd, size_t max_bytes, struct blob *ret, struct diag *diag)
{
        size_t capacity = first_capacity(fd, max_bytes), size = 0;
        CLEANUP(freep) char *data = malloc(capacity + 1);
        ssize_t n;

        if (!data)
                return -ENOMEM;
        for (;;) {
                n = read_some(fd, data + size, capacity - size);
                if (n < 0)
                        return diag_fail(diag, -errno, "cannot read: %s", strerrordesc_np(errno));
                if (n == 0)
                        break;
                size += (size_t)n;
                if (size > max_bytes)
                        return diag_fail(diag, -EFBIG, "is larger than %zu bytes", max_bytes);
                if (size == capacity) {
                        char *larger;

                        capacity = capacity > max_bytes / 2 ? max_bytes + 1 : capacity * 2;
                        larger = realloc(data, capacity + 1);
                        if (!larger)
                                return -ENOMEM;
                        data = larger;
                }
        }
        data[size] = '\0';
        *ret = (struct blob){.data = TAKE_PTR(data), .size = size};
        return 0;
}

int files_read(const char *path, size_t max_bytes, bool nofollow, struct blob *ret,
               struct diag *diag)
{
        struct diag why = {0};
        struct stat st;
        CLEANUP(closep) int fd = -EBADF;
        int r;

        /* O_NONBLOCK: a FIFO put in a file's place must not make us wait for its writer. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (nofollow ? O_NOFOLLOW : 0));
        if (fd < 0)
                return fail_errno(diag, path, "open");
        if (fstat(fd, &st) < 0)
                return fail_errno(diag, path, "read");
        if (S_ISDIR(st.st_mode))
                return diag_fail(diag, -EISDIR, "%s: is a directory", path);
        if (nofollow && !S_ISREG(st.st_mode))
                return diag_fail(diag, -EINVAL, "%s: is not a regular file", path);

        r = files_read_fd(fd, max_bytes, ret, &why);
        if (r < 0)
                return diag_fail(diag, r, "%s: %s", path, diag_text(&why, r));
        return 0;
}

/* ---- writing ---- */

/* Opens the folder of path and gives the name in it, which points into path. */
static int open_folder(const char *path, int *ret_fd, const char **ret_name, struct diag *diag)
{
        const char *slash = strrchr(path, '/');
        CLEANUP(freep) char *folder = NULL;
        int fd;

        if (!slash)
                folder = strdup(".");
        else
                folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
        if (!folder)
                return -ENOMEM;
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return fail_errno(diag, folder, "open the folder");
        *ret_fd = fd;
        *ret_name = slash ? slash + 1 : path;
        return 0;
}

static int write_all(int fd, const void *bytes, size_t size)
{
        const char *p = bytes;

        while (size > 0) {
                ssize_t n = write(fd, p, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                p += n;
                size -= (size_t)n;
        }
        return 0;
}

/* Creates a new file beside name. A crash leaves it behind; its name starts with a dot and never
 * ends like what we list. */
static int open_temporary(int folder_fd, const char *name, char **ret_name)
{
        for (int i = 0; i < TEMPORARY_NAME_TRIES; i++) {
                CLEANUP(freep) char *temporary = NULL;
                unsigned long long random;
                int fd;

                if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
                        return -EIO;
                temporary = str_format(".%s.%016llx.new", name, random);
                if (!temporary)
                        return -ENOMEM;
                fd = openat(folder_fd, temporary,
                            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
                if (fd >= 0) {
                        *ret_name = TAKE_PTR(temporary);
                        return fd;
                }
                if (errno != EEXIST)
                        return -errno;
        }
        return -EEXIST;
}

static int fill_file(int fd, const void *bytes, size_t size, mode_t mode)
{
        int r = write_all(fd, bytes, size);

        if (r < 0)
                return r;
        return fchmod(fd, mode) < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Puts a finished temporary file in its place; when exclusive, only if nothing is there. */
static int place_file(int folder_fd, const char *temporary, const char *name, bool exclusive)
{
        int r = exclusive ? linkat(folder_fd, temporary, folder_fd, name, 0)
                          : renameat(folder_fd, temporary, folder_fd, name);

        if (r < 0)
                return -errno;
        if (exclusive)
                (void)unlinkat(folder_fd, temporary, 0);
        return fsync(folder_fd) < 0 ? -errno : 0;
}

static int write_file(const char *path, const void *bytes, size_t size, mode_t mode, bool exclusive,
                      struct diag *diag)
{
        CLEANUP(closep) int folder_fd = -EBADF;
        CLEANUP(closep) int fd = -EBADF;
        CLEANUP(freep) char *temporary = NULL;
        const char *name = NULL;
        int r;

        r = open_folder(path, &folder_fd, &name, diag);
        if (r < 0)
                return r;
        fd = open_temporary(folder_fd, name, &temporary);
        if (fd < 0)
                return diag_fail(diag, fd, "%s: cannot create: %s", path, strerrordesc_np(-fd));

        r = fill_file(fd, bytes, size, mode);
        if (r >= 0)
                r = place_file(folder_fd, temporary, name, exclusive);
        if (r < 0) {
                (void)unlinkat(folder_fd, temporary, 0);
                return diag_fail(diag, r, "%s: cannot write: %s", path, strerrordesc_np(-r));
        }
        return 0;
}

int files_write_atomic(const char *path, const void *bytes, size_t size, mode_t mode,
                       struct diag *diag)
{
        return write_file(path, bytes, size, mode, false, diag);
}

int files_create(const char *path, const void *bytes, size_t size, mode_t mode, struct diag *diag)
{
        return write_file(path, bytes, size, mode, true, diag);
}

/* Whether the file ends in the middle of a line, as a crash during an append leaves it. */
static bool ends_in_line(int fd, off_t size)
{
        char last = '\n';

        return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

/* Appends text all or nothing: on failure the file gets its old size back. */
static int append_text(int fd, off_t old_size, const char *text)
{
        int r = write_all(fd, text, strlen(text));

        if (r >= 0 && fsync(fd) < 0)
                r = -errno;
        if (r < 0 && ftruncate(fd, old_size) < 0)
                return r; /* the next append starts a new line */
        return r;
}

int files_append_line(const char *path, const char *line, mode_t mode, struct diag *diag)
{
        CLEANUP(closep) int folder_fd = -EBADF;
        CLEANUP(closep) int fd = -EBADF;
        CLEANUP(freep) char *text = NULL;
        const char *name = NULL;
        struct stat st;
        int r;

        if (strchr(line, '\n'))
                return diag_fail(diag, -EINVAL, "%s: a line can't contain a line break", path);
        r = open_folder(path, &folder_fd, &name, diag);
        if (r < 0)
                return r;
        fd = openat(folder_fd, name,
                    O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode);
        if (fd < 0)
                return fail_errno(diag, path, "open");
        if (fstat(fd, &st) < 0)
                return fail_errno(diag, path, "read");
        if (!S_ISREG(st.st_mode))
                return diag_fail(diag, -EINVAL, "%s: is not a regular file", path);
        text = str_format("%s%s\n", ends_in_line(fd, st.st_size) ? "\n" : "", line);
        if (!text)
                return -ENOMEM;

        r = append_text(fd, st.st_size, text);
        if (r >= 0 && st.st_size == 0 && fsync(folder_fd) < 0)
                r = -errno;
        if (r < 0)
                return diag_fail(diag, r, "%s: cannot write: %s", path, strerrordesc_np(-r));
        return 0;
}

int files_remove(const char *path, struct diag *diag)
{
        CLEANUP(closep) int folder_fd = -EBADF;
        const char *name = NULL;
        int r;

        r = open_folder(path, &folder_fd, &name, NULL);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return diag_fail(diag, r, "%s: cannot remove: %s", path, strerrordesc_np(-r));
        if (unlinkat(folder_fd, name, 0) < 0)
                return errno == ENOENT ? 0 : fail_errno(diag, path, "remove");
        if (fsync(folder_fd) < 0)
                return fail_errno(diag, path, "remove");
        return 0;
}

/* ---- files that only root can have written ---- */

static int check_root_owned(int fd, const char *path, size_t length, struct diag *diag)
{
        int shown = (int)length;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return diag_fail(diag, -errno, "%.*s: cannot read: %s", shown, path,
                                 strerrordesc_np(errno));
        if (S_ISLNK(st.st_mode))
                return diag_fail(diag, -EPERM,
                                 "%.*s: is a symbolic link; give the path it leads to", shown,
                                 path);
        if (st.st_uid != 0)
                return diag_fail(diag, -EPERM,
                                 "%.*s: belongs to user %u; only a file under folders of root is "
                                 "trusted without a signature",
                                 shown, path, (unsigned)st.st_uid);
        if (st.st_mode & (S_IWGRP | S_IWOTH))
                return diag_fail(diag, -EPERM,
                                 "%.*s: others than root may write it (mode %04o); take that away "
                                 "with chmod go-w",
                                 shown, path, (unsigned)st.st_mode & 07777);
        return 0;
}

/* Opens the component of *fd called name and checks it. What is checked is what is held open, so
 * that nothing can be put in its place afterwards. */
static int step_root_owned(int *fd, const char *name, const char *path, size_t length, bool is_last,
                           struct diag *diag)
{
        int flags = is_last ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH;
        int next = openat(*fd, name, flags | O_NOFOLLOW | O_CLOEXEC);

        if (next < 0 && errno == ELOOP)
                return diag_fail(diag, -EPERM,
                                 "%.*s: is a symbolic link; give the path it leads to", (int)length,
                                 path);
        if (next < 0)
                return diag_fail(diag, -errno, "%.*s: cannot open: %s", (int)length, path,
                                 strerrordesc_np(errno));
        close(*fd);
        *fd = next;
        return check_root_owned(next, path, length, diag);
}

static int open_root_owned(const char *path, int *ret_fd, struct diag *diag)
{
        CLEANUP(closep) int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        const char *p = path + strspn(path, "/");
        int r;

        if (path[0] != '/' || *p == '\0')
                return diag_fail(diag, -EINVAL, "%s: is not an absolute path of a file", path);
        if (fd < 0)
                return fail_errno(diag, "/", "open");
        r = check_root_owned(fd, "/", 1, diag);
        for (int depth = 0; r >= 0 && *p; depth++) {
                size_t length = strcspn(p, "/"), end = (size_t)(p - path) + length;
                CLEANUP(freep) char *name = strndup(p, length);

                if (!name)
                        return -ENOMEM;
                if (depth == PATH_DEPTH_MAX || strcmp(name, "..") == 0)
                        return diag_fail(diag, -EINVAL, "%s: has '..' or too many folders", path);
                p += length + strspn(p + length, "/");
                r = step_root_owned(&fd, name, path, end, *p == '\0', diag);
        }
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int open_root_owned_file(const char *path, int *ret_fd, struct stat *ret_st,
                                struct diag *diag)
{
        int r = open_root_owned(path, ret_fd, diag);

        if (r < 0)
                return r;
        if (fstat(*ret_fd, ret_st) < 0)
                return fail_errno(diag, path, "read");
        if (!S_ISREG(ret_st->st_mode))
                return diag_fail(diag, -EPERM, "%s: is not a regular file", path);
        return 0;
}

int files_read_root_owned(const char *path, size_t max_bytes, struct blob *ret, struct diag *diag)
{
        CLEANUP(closep) int fd = -EBADF;
        struct diag why = {0};
        struct stat st;
        int r;

        r = open_root_owned_file(path, &fd, &st, diag);
        if (r < 0)
                return r;
        r = files_read_fd(fd, max_bytes, ret, &why);
        if (r < 0)
                return diag_fail(diag, r, "%s: %s", path, diag_text(&why, r));
        return 0;
}

int files_check_program(const char *path, struct diag *diag)
{
        CLEANUP(closep) int fd = -EBADF;
        struct stat st;
        int r = open_root_owned_file(path, &fd, &st, diag);

        if (r < 0)
                return r;
        if (!(st.st_mode & S_IXUSR))
                return diag_fail(diag, -EPERM,
                                 "%s: may not be executed (mode %04o); give it chmod u+x, or a "
                                 "name that starts with a dot",
                                 path, (unsigned)st.st_mode & 07777);
        return 0;
}

/* ---- folders ---- */

static void closedirp(DIR **dir)
{
        if (*dir)
                closedir(*dir);
}

static bool is_listed(const char *name, const char *suffix)
{
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return false;
        return !suffix || str_has_suffix(name, suffix);
}

int files_list(const char *folder, const char *suffix, size_t max_names, struct strv *ret,
               struct diag *diag)
{
        CLEANUP(strv_done) struct strv names = {0};
        CLEANUP(closedirp) DIR *dir = opendir(folder);
        const struct dirent *entry;
        int r;

        if (!dir && errno == ENOENT) {
                *ret = (struct strv){0};
                return 0;
        }
        if (!dir)
                return fail_errno(diag, folder, "open the folder");
        for (errno = 0; (entry = readdir(dir)); errno = 0) {
                if (!is_listed(entry->d_name, suffix))
                        continue;
                if (names.n_items == max_names)
                        return diag_fail(diag, -EFBIG, "%s: has more than %zu entries", folder,
                                         max_names);
                r = strv_add(&names, entry->d_name);
                if (r < 0)
                        return r;
        }
        if (errno != 0)
                return fail_errno(diag, folder, "read");
        strv_sort(&names);
        *ret = names;
        names = (struct strv){0};
        return 0;
}
