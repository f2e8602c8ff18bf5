/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Asking systemd-logind to reboot (org.freedesktop.login1), and systemd when it came up. Where no
 * logind is there, nobody can hold an inhibitor, and systemctl is asked instead. */

#include "base/diag.h"

#include <time.h>

enum { LOGIND_WALL_MAX_BYTES = 500 };

/* Who blocks a shutdown just now: "apt (uid 0, pid 812): installing; ...", the caller frees. NULL:
 * nobody. */
int logind_blockers(char **ret, struct diag *diag) MUST_CHECK;

/* Begins the reboot and returns before it comes. wall is what logged-in users are told. */
int logind_reboot(const char *wall, struct diag *diag) MUST_CHECK;

/* When this boot's systemd started and when it had started everything (0: not yet). */
int logind_boot_times(time_t *ret_begun, time_t *ret_finished, struct diag *diag) MUST_CHECK;
