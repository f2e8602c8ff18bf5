/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * struct advisories in a file, so that a feed is compiled once: their bytes behind a header with a
 * format, a key and a SHA-256. What is of another format, for another key, cut or damaged is told
 * from what is good, and is compiled again. Whoever writes the file could forge it, so it is kept
 * where only its user can write.
 */

#include "base/blob.h"
#include "base/diag.h"
#include "packages/advisory.h"

enum { ADVISORY_CACHE_KEY_MAX_BYTES = 512, ADVISORY_CACHE_HEADER_BYTES = 80 };

/* `key` says what the advisories were made from: digests of the feeds, the release. Returns -E2BIG,
 * -ENOMEM. */
int advisory_cache_write(const struct advisories *advisories, const char *key, struct blob *ret,
                         struct diag *diag) MUST_CHECK;

/*
 * Takes such bytes where they are; they have to outlive ret, unless ret->release is set then.
 * sha256 is the digest of what stands behind ADVISORY_CACHE_HEADER_BYTES. Returns -ESTALE for
 * another format or key, -EBADMSG for bytes that are damaged, -ENOMEM.
 */
int advisory_cache_open(const void *bytes, size_t size, const char *key, const char *sha256,
                        struct advisories **ret, struct diag *diag) MUST_CHECK;

/* The same with a copy of the bytes, and the digest computed here. */
int advisory_cache_read(const void *bytes, size_t size, const char *key, struct advisories **ret,
                        struct diag *diag) MUST_CHECK;
