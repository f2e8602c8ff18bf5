/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The methods of org.patchd.agent, as a table. All of them read. */

#include "wire/varlink.h"

/* A server_call_fn; context is the struct manager. */
char *methods_answer(const struct varlink_call *call, bool *ret_watching, void *context);
