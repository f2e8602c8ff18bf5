/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The reboot that follows a run. It is armed while the run ends, so that outcome and intent on disk
 * say that it is awaited; performed after the answer was sent, as long as the window lasts; and
 * settled when the helper is next asked for something, mostly after the boot (reboot_settle.h).
 */

#include "apply/dispatch.h"
#include "apply/reboot/reboot_book.h"
#include "base/strv.h"
#include "report/outcome.h"

#include <sys/types.h>

struct run;
struct rebooting;

enum {
        REBOOT_RETRY_SECONDS = 30,       /* after a lock or an inhibitor was in the way */
        REBOOT_NOTICE_MIN_SECONDS = 10,  /* from "requested" on disk to the request itself ... */
        REBOOT_NOTICE_MAX_SECONDS = 60,  /* ... while a cycle delivers its report */
        REBOOT_COMING_MAX_SECONDS = 600, /* a request that did nothing for so long failed */
};

/* Marks the run's outcome as awaiting its reboot, or as postponed when an earlier run's reboot is
 * awaited already. */
int rebooting_arm(struct run *run, const struct strv *reasons) MUST_CHECK;

/* Remembers the outcome as it stands on disk. Does nothing when no reboot was armed. */
int rebooting_take_outcome(struct run *run) MUST_CHECK;

/* Does what was armed; what became of it stands in the outcome and in the journal. */
void rebooting_perform(struct service *service);
void rebooting_free(struct rebooting *rebooting);

/* Whether a helper is at work on one. */
bool rebooting_is_awaited(const struct paths *paths);

/* Writes an outcome whose reboot has come a step further, and its intent while it is open. */
int rebooting_write(const struct paths *paths, const struct outcome *outcome,
                    struct diag *diag) MUST_CHECK;
/* Replaces outcome->reboot; text is taken, NULL is out of memory. */
int rebooting_set_text(struct outcome *outcome, char *text) MUST_CHECK;

/* Reboots now, asked by an administrator: the window does not matter, locks and inhibitors do. */
METHOD_HANDLER(rebooting_handle);
