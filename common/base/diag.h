/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One sentence for people that travels beside a negative errno: what failed, where, what to do.
 * The first failure wins: later, vaguer ones on the way up do not replace it.
 */

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>

enum { DIAG_TEXT_MAX = 1024 };

struct diag {
        char text[DIAG_TEXT_MAX]; /* empty: nothing said */
};

/*
 * Says why and returns error, a negative errno, so that a failing function is one line:
 *     return diag_fail(diag, -EINVAL, "windows.%s.start: '%s' is not HH:MM", name, text);
 * Control characters in the values are escaped; too long a sentence is cut with "...".
 * diag may be NULL.
 */
int diag_fail(struct diag *diag, int error, const char *format, ...) PRINTF(3, 4);

/* Puts "<prefix>: " before what was said (a file name, a url). Does nothing when nothing was. */
void diag_prefix(struct diag *diag, const char *format, ...) PRINTF(2, 3);

/* What was said, or the text of error (a negative errno) when nothing was. Never NULL. */
const char *diag_text(const struct diag *diag, int error);

/* Forgets what was said. */
void diag_clear(struct diag *diag);
