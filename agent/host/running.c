/* SPDX-License-Identifier: Apache-2.0 */
#include "host/running.h"

#include "base/str.h"
#include "host/files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_MAX_BYTES = 64 * 1024, TRIES_MAX = 100 };

void running_done(struct running *running)
{
        json_free(running->json);
        *running = (struct running){0};
}

/* Whether somebody holds the file locked for writing; asking locks nothing. */
static bool is_held(int fd)
{
        struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

        return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_WRLCK;
}

static bool is_still(const char *path, int fd)
{
        struct stat opened, named;

        return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 &&
               opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/* Between our opening a file and our look at its lock the helper may have put the next one in its
 * place. -ENOENT: nobody holds any. */
static int open_held(const char *path, int *ret_fd)
{
        for (int i = 0; i < TRIES_MAX; i++) {
                CLEANUP(closep)
                int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

                if (fd < 0)
                        return -errno;
                if (is_held(fd)) {
                        *ret_fd = TAKE_FD(fd);
                        return 0;
                }
                if (is_still(path, fd))
                        return -ENOENT;
        }
        return -ENOENT;
}

static int parse(int fd, struct running *ret, struct diag *diag)
{
        CLEANUP(running_done) struct running running = {0};
        CLEANUP(blob_done) struct blob text = {0};
        int r = files_read_fd(fd, FILE_MAX_BYTES, &text, diag);

        if (r >= 0)
                r = json_parse(text.data, text.size, &running.json, diag);
        if (r < 0)
                return r;
        running.run_id = json_get_string(running.json, "run_id") ?: "";
        running.trigger = json_get_string(running.json, "trigger") ?: "";
        running.since = json_get_time(running.json, "since");
        running.progress = progress_read(running.json);
        *ret = running;
        running = (struct running){0};
        return 1;
}

int running_read(const struct paths *paths, struct running *ret, struct diag *diag)
{
        CLEANUP(freep) char *path = str_format("%s/" RUNNING_FILE, paths->apply_state);
        CLEANUP(closep) int fd = -EBADF;
        struct diag why = {0};
        int r = path ? open_held(path, &fd) : -ENOMEM;

        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return diag_fail(diag, r, "%s: cannot open: %s", path ?: RUNNING_FILE,
                                 strerrordesc_np(-r));
        r = parse(fd, ret, &why);
        return r < 0 ? diag_fail(diag, r, "%s: %s", path, diag_text(&why, r)) : r;
}

void running_write(const struct running *running, struct json_writer *writer)
{
        json_add_string(writer, "run_id", running->run_id);
        json_add_string(writer, "trigger", running->trigger);
        json_add_time(writer, "since", running->since);
        progress_write(&running->progress, writer);
}
