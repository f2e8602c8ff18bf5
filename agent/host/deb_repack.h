/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A Debian package made again from what is installed: the last way to keep a version that no index
 * offers any more. It is not what the archive once served, and says so: see the notes.
 */

#include "base/diag.h"
#include "base/strv.h"

#include <stdint.h>

struct deb_repack_request {
        const char *name, *arch, *version; /* installed, in full working state */
        /*
         * Configuration files that differ from what the package brought, or are gone. They stay out
         * of the copy: else dpkg would take the local text for the package's own and a later
         * version would silently replace it.
         */
        const struct strv *edited;
        uint64_t max_bytes; /* of all its files together */
        /* Called with the bytes of all its files before anything is written; may refuse. NULL: none
         * of the caller's business. */
        int (*make_room)(uint64_t bytes, void *arg, struct diag *diag);
        void *arg;
};

/*
 * Writes the package to path (0600), which must not exist; parts lie beside it meanwhile.
 * *ret_notes gets a sentence for each way in which the copy is not what was shipped. -ENOENT: dpkg
 * does not have this version. -ENOSPC: larger than max_bytes, or the disk is full. Nothing is left
 * on failure.
 */
int deb_repack(const struct deb_repack_request *request, const char *path, struct strv *ret_notes,
               struct diag *diag) MUST_CHECK;
