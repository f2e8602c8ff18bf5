/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The advisories of two feeds as one. */

#include "packages/advisory.h"

/* All of a, then all of b; one id may stand in both. Returns -E2BIG, -ENOMEM, -EBADMSG when the
 * bytes of one make no sense. */
int advisories_merge(const struct advisories *a, const struct advisories *b,
                     struct advisories **ret) MUST_CHECK;
