/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the package database of this host says now: the only proof of success. */

#include "base/diag.h"
#include "packages/inventory.h"

int truth_collect(struct inventory **ret, struct diag *diag) MUST_CHECK;

/* The first: whether no version is there. The second: whether exactly this version is there, in
 * full working state. ret_text may be NULL; else it gets what is there instead (owned; NULL when
 * installed or out of memory). */
bool truth_is_gone(const struct inventory *inventory, const char *name, const char *arch);
bool truth_is_installed(const struct inventory *inventory, const char *name, const char *arch,
                        const char *version, char **ret_text);
