/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/progress_file.h"

#include "apply/state.h"
#include "base/str.h"
#include "host/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define USEC_PER_SEC ((uint64_t)1000 * 1000)

static void forget(struct progress_file *file)
{
        closep(&file->fd);
        free(file->path);
        free(file->temporary);
        free(file->run_id);
        free(file->trigger);
        free(file->said);
        *file = (struct progress_file){.fd = -EBADF};
}

void progress_file_begin(struct progress_file *file, const struct paths *paths, const char *run_id,
                         const char *trigger, time_t since)
{
        *file = (struct progress_file){.path = state_path(paths, RUNNING_FILE),
                                       .temporary = state_path(paths, RUNNING_FILE ".new"),
                                       .run_id = strdup(run_id),
                                       .trigger = strdup(trigger),
                                       .since = since,
                                       .fd = -EBADF};
        if (!file->path || !file->temporary || !file->run_id || !file->trigger)
                forget(file);
}

void progress_file_end(struct progress_file *file)
{
        if (!file->path)
                return;
        (void)unlink(file->temporary);
        (void)unlink(file->path);
        forget(file);
}

/* ---- when ---- */

/* NULL: out of memory, which makes it count as new. */
static char *describe(const struct progress *progress)
{
        return str_format("%s\n%lld/%lld\n%s\n%s", progress->state, (long long)progress->step,
                          (long long)progress->n_steps, progress->package ?: "", progress->text);
}

static bool is_due(struct progress_file *file, const struct progress *progress)
{
        char *said = describe(progress);
        bool is_new = !said || !file->said || strcmp(said, file->said) != 0;

        free(file->said);
        file->said = said;
        return is_new || clock_now_usec() - file->written_usec >= USEC_PER_SEC;
}

/* ---- writing ---- */

static char *make_text(const struct progress_file *file, const struct progress *progress)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        const struct running running = {.run_id = file->run_id,
                                        .trigger = file->trigger,
                                        .since = file->since,
                                        .progress = *progress};
        char *text = NULL;

        json_begin_object(writer, NULL);
        running_write(&running, writer);
        json_end(writer);
        return json_writer_finish(writer, false, &text) < 0 ? NULL : text;
}

/* Locked while nobody else can open it. */
static bool fill(int fd, const char *text)
{
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        ssize_t size = (ssize_t)strlen(text);

        return fcntl(fd, F_OFD_SETLK, &lock) == 0 && write(fd, text, (size_t)size) == size &&
               fchmod(fd, 0644) == 0;
}

void progress_file_write(struct progress_file *file, const struct progress *progress)
{
        CLEANUP(freep) char *text = NULL;
        CLEANUP(closep) int fd = -EBADF;

        if (!file->path || !is_due(file, progress))
                return;
        text = make_text(file, progress);
        (void)unlink(file->temporary);
        fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (!text || fd < 0 || !fill(fd, text) || rename(file->temporary, file->path) < 0)
                return;
        /* The old one's lock goes with it, when the new one is in place. */
        closep(&file->fd);
        file->fd = TAKE_FD(fd);
        file->written_usec = clock_now_usec();
}
