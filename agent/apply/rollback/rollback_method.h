/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Rollback and ClearVeto, which administrators ask for. */

#include "apply/dispatch.h"

/* With plan_only the plan that the package manager made; else it is done, when the plan is still
 * the one that digest names. */
METHOD_HANDLER(rollback_handle);
METHOD_HANDLER(rollback_handle_clear_veto);
