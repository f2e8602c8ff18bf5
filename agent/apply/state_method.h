/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* GetState: what the helper keeps, for doctor and status. */

#include "apply/dispatch.h"

METHOD_HANDLER(state_method_handle);
