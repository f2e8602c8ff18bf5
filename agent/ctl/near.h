/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Names that somebody may have meant, for a package name that nobody knows. */

#include "packages/inventory.h"

enum { NEAR_NAMES_MAX = 5, NEAR_NAME_LENGTH_MAX = 64 };

/* At most NEAR_NAMES_MAX installed packages: those built from a source of this name, else those
 * whose spelling is close. Returns -ENOMEM. */
int near_names(const struct inventory *inventory, const char *name, struct strv *ret) MUST_CHECK;
