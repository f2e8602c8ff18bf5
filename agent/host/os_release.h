/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* os-release(5): lines NAME=value, the value quoted as for a shell. No file is opened here. */

#include "base/cleanup.h"

/* The value of the last line with this name, or fallback when there is none or it is malformed; the
 * caller frees. Returns -ENOMEM. */
int os_release_get(const char *text, const char *name, const char *fallback, char **ret) MUST_CHECK;
