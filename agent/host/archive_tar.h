/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Writing tar archives and Debian packages (deb(5)) from files on disk, with libarchive. */

#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A tar.gz that is written to a descriptor, which stays the caller's. Entries belong to whom they
 * belong to on disk; hard links between them are kept. */
struct archive_tar;
int archive_tar_new(int fd, struct archive_tar **ret, struct diag *diag) MUST_CHECK;
void archive_tar_free(struct archive_tar *tar);
DEFINE_CLEANUP(struct archive_tar, archive_tar_free);

/* A file of root with these bytes, without a time. */
int archive_tar_add_bytes(struct archive_tar *tar, const char *name, mode_t mode, const void *bytes,
                          size_t size, struct diag *diag) MUST_CHECK;

/*
 * What lies at path under the name; links are not followed, unless is_folder says that a folder is
 * meant where the disk has a link to one. -ENOENT: nothing lies there. -EAGAIN: a file changed its
 * size while it was read.
 */
int archive_tar_add_file(struct archive_tar *tar, const char *path, const char *name,
                         bool is_folder, struct diag *diag) MUST_CHECK;

int archive_tar_finish(struct archive_tar *tar, struct diag *diag) MUST_CHECK;

/* Writes a package to fd from its two finished tar.gz, which are read from their begin. */
int archive_deb_join(int fd, int control_fd, int data_fd, struct diag *diag) MUST_CHECK;
