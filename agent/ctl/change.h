/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the verbs that change something share: asking the root helper, and showing what it did. */

#include "base/json.h"
#include "ctl/ctl.h"

enum change_kind {
        CHANGE_SHORT,
        CHANGE_LOOK, /* takes its time, with progress, and changes nothing */
        CHANGE_RUN,  /* the same for a run, which goes on when we go */
};

/* Asks org.patchd.apply on the administrators' socket. As remote_ask(); -EINTR: detached from a
 * run. */
int change_ask(const struct ctl *ctl, const char *method, const char *parameters,
               enum change_kind kind, struct json **ret, char **ret_error,
               struct diag *diag) MUST_CHECK;

/* The reply as it came, for --json; gives an exit code. */
int change_print_reply(const struct json *reply);

/* The outcome of a run that somebody else asked for, as the reply to who did; gives the exit code.
 */
int change_print_end(const struct ctl *ctl, const struct json *outcome);

/* What became of each package (not with --json); gives the exit code. */
int change_print_outcome(const struct ctl *ctl, const struct json *outcome);
