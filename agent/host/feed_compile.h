/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A feed's bytes into advisories for one system, and the compact form that is kept of them. */

#include "base/diag.h"
#include "packages/advisory.h"
#include "policy/assignment.h"

/* Reads fd from where it is. Errors as osv_feed_read(). */
int feed_compile(int fd, const struct node *node, struct advisories **ret,
                 struct diag *diag) MUST_CHECK;

/* Writes the compact form of the feed with this digest (atomic, fsync). */
int feed_cache_write(const char *path, const struct advisories *advisories, const char *sha256,
                     const struct node *node, struct diag *diag) MUST_CHECK;

/* Reads it back. is_own: nobody else can write there, so that the file can be mapped; else it is
 * copied. -ENOENT: none, -ESTALE: of another file or system or version of patchd, -EBADMSG:
 * damaged.
 */
int feed_cache_read(const char *path, const char *sha256, const struct node *node, bool is_own,
                    struct advisories **ret, struct diag *diag) MUST_CHECK;

/* Adds more to *all (NULL: nothing yet) and takes it over. Returns -ENOMEM. */
int feed_merge(struct advisories **all, struct advisories **more) MUST_CHECK;
