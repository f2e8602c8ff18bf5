/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What wakes the daemon beside its timers: the helper's state folder (a finished run, a pause taken
 * away) and a clock that was set (also a resume from sleep).
 */

#include "base/diag.h"

#include <systemd/sd-event.h>

enum watch_kind {
        WATCH_OUTCOME,
        WATCH_RESUMED, /* the pause was taken away */
        WATCH_CLOCK,
};

struct watch;
typedef void (*watch_fn)(enum watch_kind kind, void *context);

/* Folders that do not exist yet are not an error: see watch_retry(). apply_state is borrowed. */
int watch_new(sd_event *event, const char *apply_state, watch_fn on_change, void *context,
              struct watch **ret, struct diag *diag) MUST_CHECK;
void watch_free(struct watch *watch);
DEFINE_CLEANUP(struct watch, watch_free);

/* Looks again for folders that were not there; cheap when all are watched. */
void watch_retry(struct watch *watch);
