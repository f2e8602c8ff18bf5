/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A report (patchd.report.v1) as people read it, whether just made or asked from the daemon. */

#include "base/json.h"
#include "ctl/ctl.h"
#include "ctl/print.h"

/* Status, policy, window, reboot and the table of packages. */
void report_view_print(const struct ctl *ctl, const struct json *report, time_t now);

/* How a state is coloured. */
enum tone report_view_tone(const char *state);

/* What the report means as an exit code. */
int report_view_exit_code(const struct json *report);
