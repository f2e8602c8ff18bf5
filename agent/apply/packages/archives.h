/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The private cache of downloads. apt with --no-download checks only the size of what lies there,
 * so every file is held against the SHA256 of the signed index by us, right before it is used.
 */

#include "apply/packages/installer.h"

/* Where the archive of this item is to be. The caller frees; NULL: out of memory. */
char *archives_expected(const struct installer *installer, const struct plan_item *item);

/* 0: the archive of this item is there and is what the signed index says. -ENOENT: not there.
 * -EBADMSG: another one, now removed. */
int archives_verify(const struct installer *installer, const struct plan_item *item,
                    const char *native_arch, struct diag *diag) MUST_CHECK;

/* Whether a file is a plain one of root alone and has these bytes. -EBADMSG with a sentence. */
int archives_check_file(const char *path, const struct package_file *expected,
                        struct diag *diag) MUST_CHECK;

/* What a file has; it has to be a plain one of root alone. -EBADMSG with a sentence. */
int archives_measure(const char *path, struct package_file *ret, struct diag *diag) MUST_CHECK;

/* Puts a new file of our own with the bytes of source, which has that size, in place of path. */
int archives_copy_file(const char *source, const char *path, int64_t size_bytes) MUST_CHECK;

/* Whether there is room for what is not there yet. -ENOSPC with a sentence. */
int archives_check_space(const struct installer *installer, const struct plan_step *step,
                         const char *native_arch, struct diag *diag) MUST_CHECK;

/*
 * Fetches what is missing of a step. What could not be fetched shows in archives_verify();
 * *ret_text (owned, may be NULL) then says what the package manager said.
 */
int archives_fetch(struct installer *installer, const struct plan_step *step,
                   const char *native_arch, char **ret_text, struct diag *diag) MUST_CHECK;

/*
 * Fetches what is missing of these versions, approved or not, each for itself; what could not be
 * fetched shows in archives_verify(). Returns -ENOMEM, or why apt could not be run.
 */
int archives_fetch_versions(struct installer *installer, const struct plan_step *step,
                            const char *native_arch, struct diag *diag) MUST_CHECK;

/* Opens an archive that archives_verify() takes, for reading; errors as there. */
int archives_open(const struct installer *installer, const struct plan_item *item,
                  const char *native_arch, int *ret_fd, struct diag *diag) MUST_CHECK;

/* The line of that text that is about this item, else its last one. The caller frees; NULL: out of
 * memory. */
char *archives_failure(const char *text, const struct plan_item *item);

/* Removes every archive that neither one of the n items in keep needs nor one that waits. */
void archives_prune(const struct installer *installer, const struct plan_item *const *keep,
                    size_t n, const struct plan_step *waiting, const char *native_arch);
