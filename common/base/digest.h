/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* SHA-256 (FIPS 180-4) as lower-case hex, and HMAC (RFC 2104) with it. */

#include "base/cleanup.h"

#include <stddef.h>

#define SHA256_SIZE      32
#define SHA256_TEXT_SIZE 65

struct digest; /* a running sum */

struct digest *digest_new(void); /* NULL when out of memory */
void digest_free(struct digest *digest);
DEFINE_CLEANUP(struct digest, digest_free);
int digest_add(struct digest *digest, const void *bytes, size_t size) MUST_CHECK; /* -ENOMEM */
int digest_finish(struct digest *digest, char ret[static SHA256_TEXT_SIZE]) MUST_CHECK;

/* The sum of one piece. Returns -ENOMEM. */
int digest_of(const void *bytes, size_t size, char ret[static SHA256_TEXT_SIZE]) MUST_CHECK;

/* Bytes as lower-case hex. */
void digest_to_text(const unsigned char sum[static SHA256_SIZE], char ret[static SHA256_TEXT_SIZE]);

/* HMAC-SHA-256 of a text. Returns -ENOMEM. */
int digest_hmac(const void *key, size_t key_size, const char *text,
                unsigned char ret[static SHA256_SIZE]) MUST_CHECK;
