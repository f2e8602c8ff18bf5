/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Base64 (RFC 4648 sections 4 and 5). */

#include "base/blob.h"

/* The text of bytes in the standard alphabet with padding; the caller frees. Returns -ENOMEM. */
int base64_encode(const void *bytes, size_t size, char **ret) MUST_CHECK;

/* Takes the standard and the URL-safe alphabet, padded or not; no blanks, no line ends.
 * Returns -EINVAL for anything else, -ENOMEM. */
int base64_decode(const char *text, size_t length, struct blob *ret) MUST_CHECK;
