/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* When a Debian package was built: the newest entry of the changelog that it installs. */

#include "base/diag.h"

#include <time.h>

/*
 * Reads a .deb from fd, whose bytes the caller has verified. *ret_date 0: there is none, and
 * *ret_note (owned) says why, also when the archive can't be read; else it is NULL. Returns
 * -ENOMEM.
 */
int deb_archive_date(int fd, const char *package, time_t *ret_date, char **ret_note,
                     struct diag *diag) MUST_CHECK;
