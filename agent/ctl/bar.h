/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How progress looks in one line. No terminal and no clock here. */

#include "report/progress.h"

#include <stdbool.h>
#include <stddef.h>

/* For a terminal of so many columns, of which the last stays free; what has no room is left out:
 * the bar, then bytes, then the step. The caller frees; NULL: out of memory. */
char *bar_line(const struct progress *progress, size_t columns, bool colour);

/* "45%, step 3/12: Unpacking app (1.0)", for a log or a line among others. As above. */
char *bar_text(const struct progress *progress);
