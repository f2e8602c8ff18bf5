/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the journal is told of the policy and its endpoint: each change once, however often a poll
 * finds the same. What was said last is kept in the agent's state. */

#include "cycle/fetch.h"

/* key: under which the last refusal that was said stands (MEMORY_...). bytes: what was refused. */
void policy_news_refused(const struct fetch_request *request, const char *key, enum refusal refusal,
                         const char *text, const struct blob *bytes);
void policy_news_accepted(const struct policy *policy);
/* text: why the endpoint does not answer; NULL: it does. */
void policy_news_reachable(const struct fetch_request *request, const char *text);
/* Nothing when it has not expired. */
void policy_news_expired(const struct fetch_request *request, const struct policy *policy);
