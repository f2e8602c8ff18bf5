/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The folder of kept packages: files, a record of JSON beside each, and their bounds. */

#include "base/diag.h"
#include "base/digest.h"
#include "base/strv.h"
#include "host/config.h"

#include <stdint.h>
#include <time.h>

struct kept_record {
        char *origin;
        char sha256[SHA256_TEXT_SIZE];
        int64_t size_bytes;
        time_t kept_at; /* set when it is written */
        struct strv notes;
};
void kept_record_done(struct kept_record *record);

/* Where the package of this file name is, or will be. The caller frees; NULL: out of memory. */
char *kept_store_path(const struct paths *paths, const char *file);

/* -ENOENT: there is no such package, or no record of it that can be read. */
int kept_store_read(const struct paths *paths, const char *file,
                    struct kept_record *ret) MUST_CHECK;
/* After the package is there: from now on it counts. */
int kept_store_write(const struct paths *paths, const char *file, const struct kept_record *record,
                     struct diag *diag) MUST_CHECK;

/* How many bytes another package may have, when the oldest make room for it. -ENOSPC: none. */
int kept_store_room(const struct paths *paths, const struct config *config, uint64_t *ret_bytes,
                    struct diag *diag) MUST_CHECK;

/* Drops the oldest until the bounds hold with so many more bytes kept, and so many free on the disk
 * while they are written. -ENOSPC: they can't; then nothing was dropped. */
int kept_store_make_room(const struct paths *paths, const struct config *config,
                         uint64_t more_bytes, uint64_t disk_bytes, struct diag *diag) MUST_CHECK;
