/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Makes the inventory of a root from the files of its package manager: no package manager is run,
 * nothing is written, no network. What can't be read is a problem in the inventory, which makes the
 * result unknown; it is never left out silently.
 */

#include "base/diag.h"
#include "host/root.h"
#include "packages/inventory.h"

struct collect_options {
        const struct root *root;
        const char *wanted;     /* a name to look for in the indexes as well, though nothing that is
                                   installed needs it; NULL: none */
        const char *machine_id; /* of the draw of phased updates; NULL: the root's own */
};

/* Returns -ENOTSUP when the root has no package database that this program was built for, and
 * errors that leave nothing to judge (-ENOMEM, an unreadable database). */
int collect_inventory(const struct collect_options *options, struct inventory **ret,
                      struct diag *diag) MUST_CHECK;
