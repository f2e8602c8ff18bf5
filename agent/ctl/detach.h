/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SIGINT, SIGHUP and SIGTERM while a run is shown: the showing ends, the run goes on. They come
 * through only where somebody waits with the mask (-EINTR), so no handler does anything.
 */

#include "ctl/ctl.h"

#include <signal.h>

struct detach {
        sigset_t mask; /* to wait with */
};

/* What is ignored already (nohup) stays so. */
void detach_arm(struct detach *detach);
void detach_disarm(const struct detach *detach);

/* -EINTR: one of the signals came. */
int detach_sleep(const struct detach *detach, int64_t msec);

/* Says how to look again; gives the exit code. */
int detach_say(void);
