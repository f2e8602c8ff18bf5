/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Compressed files; the only user of libarchive. Formats are told by content, not by name. */

#include "base/blob.h"
#include "base/cleanup.h"
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

/* What an archive may hold at most, so that it can't fill memory or time. */
struct archive_limits {
        size_t max_files;
        uint64_t max_bytes; /* of all files read, decoded */
};

/* What is done with the files of an archive. A negative errno ends the reading and is passed on. */
struct archive_visitor {
        /* label: the name inside the archive, for messages only; NULL: no archive, one file. Gives
         * 1 to read the file, 0 to skip it. */
        int (*begin)(const char *label, void *arg, struct diag *diag);
        archive_sink_fn bytes;
        int (*end)(void *arg, struct diag *diag);
        void *arg;
};

/*
 * Visits the regular files of a zip or tar from fd on, compressed or not, in their order; what is
 * no archive is one file, decoded. Nothing is written anywhere. Returns -EFBIG or -E2BIG beyond the
 * limits, -EBADMSG for broken or cut data, -ENOMEM, or what the visitor returned.
 */
int archive_read_files(int fd, const struct archive_limits *limits,
                       const struct archive_visitor *visitor, struct diag *diag) MUST_CHECK;

/*
 * For main(), before anything else: libarchive asks for the local time of each file of a zip, and
 * as long as nothing says which zone that is, the C library looks at /etc/localtime each time. This
 * says what holds anyway; a TZ that is set stays.
 */
void archive_settle_zone(void);

/* A symbolic or hard link of a package: what it is and where it points. */
typedef int (*archive_link_fn)(const char *path, const char *target, void *arg, struct diag *diag);

/*
 * Visits the files that a .deb (deb(5)) would install; label is the path without a leading "./" or
 * "/". A file whose name ends with ".gz" comes decoded. -ECANCELED of visitor->bytes means that
 * there is enough of this file: the next one follows. Limits and errors as above.
 */
int archive_read_deb(int fd, const struct archive_limits *limits,
                     const struct archive_visitor *visitor, archive_link_fn link,
                     struct diag *diag) MUST_CHECK;

/* The bytes as one gzip stream, the same for the same bytes. Returns -ENOMEM, -EIO. */
int archive_gzip(const void *bytes, size_t size, struct blob *ret, struct diag *diag) MUST_CHECK;

/* Bytes packed with zstd in memory, piece by piece; the same for the same bytes. */
struct archive_packer;
int archive_packer_new(struct archive_packer **ret, struct diag *diag) MUST_CHECK;
void archive_packer_free(struct archive_packer *packer);
DEFINE_CLEANUP(struct archive_packer, archive_packer_free);
int archive_packer_add(struct archive_packer *packer, const void *bytes, size_t size,
                       struct diag *diag) MUST_CHECK;
int archive_packer_finish(struct archive_packer *packer, struct blob *ret,
                          struct diag *diag) MUST_CHECK;
