/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Keeps a rollback from taking a kernel that the node runs or can't boot without; see
 * decide/kernel_stays.h. */

#include "base/diag.h"
#include "packages/inventory.h"
#include "report/outcome.h"

/* About a package of an outcome, of which all that are PACKAGE_ROLLED_BACK and were new are to be
 * removed. *ret_reason (owned): why it stays; NULL: it may go. -ENOMEM. */
int kernel_guard_ask(const struct inventory *inventory, const struct outcome *outcome,
                     const struct outcome_package *package, char **ret_reason) MUST_CHECK;
