/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Policies that lie on the node itself: a file:// policy_url, and the default policy that the
 * package brings, used only while no policy_url is configured. An envelope is verified as one from
 * the network; plain JSON counts only while root alone can have written it.
 */

#include "base/diag.h"
#include "host/config.h"
#include "policy/envelope.h"

#include <time.h>

/* The policy of a path or a file:// url. Plain JSON skips signature, version and date checks, not
 * the policy_id's. Returns -EPERM for plain JSON that somebody else than root could have written,
 * -EBADMSG (with *ret_refusal) for a refused one, -EINVAL for another kind of url. */
int policy_source_load_file(const struct paths *paths, const char *path_or_url,
                            const struct envelope_expectation *expectation, struct policy **ret,
                            enum refusal *ret_refusal, struct diag *diag) MUST_CHECK;

/* <share>/default-policy.json. */
int policy_source_load_default(const struct paths *paths, struct policy **ret,
                               struct diag *diag) MUST_CHECK;

/* The local policy of a configuration: its file:// policy_url, or the default when it has no
 * policy_url. Opens an expired one too: the caller looks at expires. -EINVAL when policy_url leads
 * to the network. */
int policy_source_load(const struct paths *paths, const struct config *config, time_t now,
                       struct policy **ret, struct diag *diag) MUST_CHECK;
