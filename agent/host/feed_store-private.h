/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What feed_store.c and feed_incoming.c share. */

#include "host/feed_store.h"

enum { COPY_BLOCK_BYTES = 64 * 1024 };

/* Paths of KEY<suffix> and KEY-SUM<suffix>; the caller frees, NULL when out of memory. */
char *feed_path(const struct feed_place *place, const char *id, const char *suffix);
char *feed_file_path(const struct feed_place *place, const struct manifest *manifest,
                     const char *suffix);

int feed_make_folder(const struct feed_place *place, struct diag *diag) MUST_CHECK;

/* Whether these many bytes with this sum are the manifest's file; ends digest. -EBADMSG. */
int feed_check_file(const struct manifest *manifest, int64_t size_bytes, struct digest *digest,
                    struct diag *diag) MUST_CHECK;

/* fd from its start into advisories for the node's system. */
int feed_compile_file(int fd, const struct manifest *manifest, const struct node *node,
                      struct advisories **ret, struct diag *diag) MUST_CHECK;

int feed_write_cache(const struct feed_place *place, const struct manifest *manifest,
                     const struct advisories *advisories, const struct node *node,
                     struct diag *diag) MUST_CHECK;
