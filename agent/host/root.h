/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The file system that is looked at: the host's own, or a foreign one (a chroot, an unpacked
 * image). Paths are taken as inside it: symbolic links in an image never lead out of it (openat2(2)
 * with RESOLVE_IN_ROOT). Reads only.
 */

#include "base/blob.h"
#include "base/diag.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct root {
        int fd;
        bool is_host; /* "/": facts of the running host may be used beside its files */
        char *path;   /* as it was named, for messages */
};

/* path "/" or NULL: the host. Returns -ENOENT, -ENOTDIR, -EACCES, -ENOSYS (a kernel before 5.6). */
int root_open(const char *path, struct root *ret, struct diag *diag) MUST_CHECK;
void root_done(struct root *root);

/* Opens path (absolute or not, always from the root's top) with flags of open(2); O_CLOEXEC is
 * added. Returns the descriptor or a negative errno, without a sentence: absence is often fine. */
int root_openat(const struct root *root, const char *path, int flags) MUST_CHECK;

/* Whether path exists (links are followed); *ret may be NULL. Returns 0 or a negative errno. */
int root_stat(const struct root *root, const char *path, struct stat *ret) MUST_CHECK;
bool root_exists(const struct root *root, const char *path);

/* Reads a regular file of at most max_bytes. -ENOENT, -EFBIG, -EISDIR, ... with a sentence. */
int root_read(const struct root *root, const char *path, size_t max_bytes, struct blob *ret,
              struct diag *diag) MUST_CHECK;

/* Where a symbolic link points, unresolved; the caller frees. Returns -EINVAL when it isn't one. */
int root_read_link(const struct root *root, const char *path, char **ret) MUST_CHECK;

/* The names in a folder but "." and "..", sorted by bytes, at most max_names. A folder that does
 * not exist is -ENOENT. */
int root_list(const struct root *root, const char *path, size_t max_names, struct strv *ret,
              struct diag *diag) MUST_CHECK;
