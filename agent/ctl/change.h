/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the verbs that change something share: asking the root helper, and showing what it did. */

#include "base/json.h"
#include "ctl/ctl.h"

/* Asks org.patchd.apply on the administrators' socket; long calls show their progress. As
 * remote_ask(). */
int change_ask(const struct ctl *ctl, const char *method, const char *parameters, bool is_long,
               struct json **ret, char **ret_error, struct diag *diag) MUST_CHECK;

/* The reply as it came, for --json; gives an exit code. */
int change_print_reply(const struct json *reply);

/* What became of each package (not with --json); gives the exit code. */
int change_print_outcome(const struct ctl *ctl, const struct json *outcome);
