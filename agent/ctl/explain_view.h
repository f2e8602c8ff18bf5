/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* explain for people: the chain from the line in an index to the verdict, in sentences. */

#include "base/json.h"
#include "ctl/ctl.h"

/* Every package of a report that was made with its chains (`versions`). */
void explain_view_print(const struct ctl *ctl, const struct json *report, time_t now);
