/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Looking at a run that somebody else asked for, by what the root helper writes (host/running.h):
 * no socket, no daemon, no right beyond reading. */

#include "base/diag.h"
#include "ctl/ctl.h"
#include "ctl/detach.h"
#include "report/outcome.h"

struct followed {
        char *run_id, *trigger; /* of what was at work; NULL: nothing was */
};
void followed_done(struct followed *followed);

/* Shows what is at work until it ends; with lines, each change is a line of JSON on standard output
 * too. -EINTR: detached. Others: it can't be read. */
int follow(const struct ctl *ctl, const struct detach *detach, bool lines, struct followed *ret,
           struct diag *diag) MUST_CHECK;

/* What came of a run. NULL: there is no outcome of it. As JSON, owned. */
int follow_outcome(const struct ctl *ctl, const char *run_id, struct json **ret,
                   struct diag *diag) MUST_CHECK;
