/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Reading and writing files whole: bounded reads, and writes that survive a crash. */

#include "base/blob.h"
#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Reads a file of at most max_bytes. Does not follow a symbolic link as the last component when
 * nofollow. Returns -ENOENT, -EFBIG (larger), -EACCES, ... with a sentence that names the path. */
int files_read(const char *path, size_t max_bytes, bool nofollow, struct blob *ret,
               struct diag *diag) MUST_CHECK;
int files_read_fd(int fd, size_t max_bytes, struct blob *ret, struct diag *diag) MUST_CHECK;

/* Replaces path: temporary file beside it, fsync, rename, fsync of the folder. Across a crash
 * either the old or the new content is there. On failure (a full disk) the old content stays. */
int files_write_atomic(const char *path, const void *bytes, size_t size, mode_t mode,
                       struct diag *diag) MUST_CHECK;

/* Appends one line to a log-like file and fsyncs it. The line has no newline. */
int files_append_line(const char *path, const char *line, mode_t mode,
                      struct diag *diag) MUST_CHECK;

/* Creates a file that must not exist, with fsync of it and its folder. -EEXIST when it does. */
int files_create(const char *path, const void *bytes, size_t size, mode_t mode,
                 struct diag *diag) MUST_CHECK;

/*
 * Reads a file that only root can have written: root owns every component of the path and nobody
 * else may write one (sticky folders do not help), and it is a regular file. Returns -EPERM with
 * the component that fails.
 */
int files_read_root_owned(const char *path, size_t max_bytes, struct blob *ret,
                          struct diag *diag) MUST_CHECK;

/*
 * Whether root may run this file: root owns every component of the path, nobody else may write one,
 * none is a symbolic link, and it is a regular file that may be executed. -EPERM with a sentence.
 */
int files_check_program(const char *path, struct diag *diag) MUST_CHECK;

/* Every entry of a folder whose name ends with suffix (NULL: all but . and ..), sorted by bytes, at
 * most max_names. A folder that does not exist has none. */
struct strv;
int files_list(const char *folder, const char *suffix, size_t max_names, struct strv *ret,
               struct diag *diag) MUST_CHECK;

/* Removes a file and fsyncs its folder; one that is not there is fine. */
int files_remove(const char *path, struct diag *diag) MUST_CHECK;
