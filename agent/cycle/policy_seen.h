/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The highest version of the policy that this agent has seen, in its own state: what an envelope is
 * held against, so that an older one is refused. The helper keeps another counter of its own. */

#include "cycle/fetch.h"

/* Verifies as envelope_open(), with the counter of the configured policy_id. */
int policy_seen_open(const struct fetch_request *request, const struct blob *bytes,
                     bool allow_expired, struct policy **ret, enum refusal *ret_refusal,
                     struct diag *diag) MUST_CHECK;

/* Puts version and digest on disk; to be done before the policy is used. Errors: of the store. */
int policy_seen_remember(const struct fetch_request *request,
                         const struct policy *policy) MUST_CHECK;
