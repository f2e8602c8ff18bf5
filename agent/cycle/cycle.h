/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One cycle: fetch > verify > refresh > collect > decide > plan > download > apply > report >
 * deliver, straight through and blocking. */

#include "cycle/result.h"
#include "cycle/transport.h"
#include "host/config.h"
#include "report/progress.h"

struct cycle_options {
        const struct paths *paths;
        const char *trigger;                   /* "poll": may end early when nothing has changed */
        const struct transport_limits *limits; /* NULL: the defaults */
        /* Where the cycle is. May be NULL. A negative result ends the cycle with it. */
        int (*on_progress)(const struct progress *progress, void *context);
        void *context;
};

/* Whether trigger is one that org.patchd.cycle.Run takes. */
bool cycle_is_trigger(const char *trigger);

/* Errors are what keeps a cycle from running at all: the configuration, the state, -EBUSY while
 * another one runs. What goes wrong on the way is in ret->error, and the cycle goes on. */
int cycle_run(const struct cycle_options *options, struct cycle_result *ret,
              struct diag *diag) MUST_CHECK;
