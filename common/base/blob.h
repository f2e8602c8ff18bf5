/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Owned bytes as they came from outside, before anything is known about them. */

#include "base/cleanup.h"

#include <stddef.h>

struct blob {
        char *data; /* one terminating NUL beyond size, for parsers of text */
        size_t size;
};

/* A copy of size bytes. Returns -ENOMEM. */
int blob_copy(struct blob *blob, const void *bytes, size_t size) MUST_CHECK;

void blob_done(struct blob *blob);
