/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files that use libarchive share. */

#include "host/archive.h"

#include <archive.h>
#include <archive_entry.h>

/* A reader of every compression but of no format yet, or of anything as one file; NULL: no memory.
 */
struct archive *archive_new_reader(void);
struct archive *archive_new_raw_reader(void);
void archive_reader_freep(struct archive **archive);

/* -EBADMSG with libarchive's reason. */
int archive_broken(struct archive *archive, struct diag *diag);

/* The contents of the entry at hand. Counts on in *n_bytes, which several files share. */
int archive_read_blocks(struct archive *archive, uint64_t max_bytes, uint64_t *n_bytes,
                        archive_sink_fn sink, void *arg, struct diag *diag) MUST_CHECK;
