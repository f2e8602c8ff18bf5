/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A cache of compiled advisories as a file. It is checked by reading through it and then mapped, so
 * that only what is looked at stays in memory. */

#include "packages/advisory_cache.h"

/* Writes it (atomic, fsync). */
int advisory_file_write(const char *path, const struct advisories *advisories, const char *key,
                        struct diag *diag) MUST_CHECK;

/* Maps it; the file must not be written in place meanwhile, and nothing of ours does. Returns
 * -ENOENT, -ESTALE, -EBADMSG, ... with a sentence that names the path. */
int advisory_file_open(const char *path, const char *key, struct advisories **ret,
                       struct diag *diag) MUST_CHECK;
