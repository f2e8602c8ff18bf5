/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Progress on standard error, as it comes: on a terminal a bar in one line that is drawn anew,
 * elsewhere a line for each new state and step. With --json nothing.
 */

#include "ctl/ctl.h"
#include "report/progress.h"

struct show {
        bool is_silent, is_terminal, colour;
        bool is_drawn;
        char *last; /* the line drawn last, or the state and step told last; NULL: none */
};
void show_begin(const struct ctl *ctl, struct show *ret);
void show_progress(struct show *show, const struct progress *progress);
/* Wipes the bar. */
void show_end(struct show *show);
