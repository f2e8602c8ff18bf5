/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Compressed files; the only user of libarchive. Formats are told by content, not by name. */

#include "base/blob.h"
#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ARCHIVE_BLOCK_SIZE = 256 * 1024 };

/* Takes the next decoded bytes; a negative errno ends the reading and is passed on. */
typedef int (*archive_sink_fn)(const char *bytes, size_t size, void *arg, struct diag *diag);

/*
 * Reads the rest of fd through sink: as it is when compressed is false, else decoded (gz, xz, lz4,
 * zst, bz2, lzma). Returns -EFBIG when more than max_bytes come out, -EBADMSG for broken or cut
 * data, -EIO, -ENOMEM, or what sink returned; the caller names the file.
 */
int archive_read_stream(int fd, bool compressed, uint64_t max_bytes, archive_sink_fn sink,
                        void *arg, struct diag *diag) MUST_CHECK;

/* The bytes as one gzip stream, the same for the same bytes. Returns -ENOMEM, -EIO. */
int archive_gzip(const void *bytes, size_t size, struct blob *ret, struct diag *diag) MUST_CHECK;
