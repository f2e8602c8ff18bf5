/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * struct advisories as bytes and back, so that a feed is compiled once and loaded in milliseconds.
 * The bytes carry a version, a key and a SHA-256: what is of another version, for another key, cut
 * or damaged is told from what is good, and is compiled again. Whoever writes the cache could
 * forge it, so it is kept where only its user can write.
 */

#include "base/blob.h"
#include "base/diag.h"
#include "packages/advisory.h"

enum {
        ADVISORY_CACHE_KEY_MAX_BYTES = 512,
        ADVISORY_CACHE_MAX_BYTES = 512 * 1024 * 1024,
};

/* `key` says what the advisories were made from: digests of the feeds, the release. Returns -E2BIG,
 * -ENOMEM. */
int advisory_cache_write(const struct advisories *advisories, const char *key, struct blob *ret,
                         struct diag *diag) MUST_CHECK;

/* Returns -ESTALE for another version or key, -EBADMSG for bytes that are damaged, -ENOMEM. */
int advisory_cache_read(const void *bytes, size_t size, const char *key, struct advisories **ret,
                        struct diag *diag) MUST_CHECK;
