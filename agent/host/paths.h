/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The places of struct paths under another root, for tests (--prefix). */

#include "host/config.h"

/*
 * A copy of default_paths with prefix before every path but zoneinfo, which stays the system's.
 * prefix NULL gives default_paths as they are. The texts belong to *ret: paths_free(). -ENOMEM.
 */
int paths_new(const char *prefix, struct paths **ret) MUST_CHECK;
void paths_free(struct paths *paths);
DEFINE_CLEANUP(struct paths, paths_free);
