/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/policy_news.h"

#include "base/str.h"
#include "cycle/memory.h"
#include "host/log.h"

#include <inttypes.h>
#include <string.h>

/* key: under which the last one that was said stands. */
void policy_news_refused(const struct fetch_request *request, const char *key, enum refusal refusal,
                         const char *text, const struct blob *bytes)
{
        char digest[SHA256_TEXT_SIZE] = "";
        CLEANUP(freep) char *note = NULL;

        /* A login page differs at each poll; another envelope is news. */
        if (envelope_is_envelope(bytes) && digest_of(bytes->data, bytes->size, digest) < 0)
                return;
        note = str_format("%s %s", digest, text);
        if (!note || !memory_changed(request->store, key, note))
                return;
        log_event(EVENT_POLICY_REJECTED,
                  &(struct event_fields){.policy_id = request->config->policy_id,
                                         .result = enum_name(&refusal_names, (int)refusal),
                                         .reason = text});
}

void policy_news_accepted(const struct policy *policy)
{
        log_event(EVENT_POLICY_ACCEPTED, &(struct event_fields){.policy_id = policy->policy_id,
                                                                .policy_version = policy->version});
}

/* text NULL: it answers. */
void policy_news_reachable(const struct fetch_request *request, const char *text)
{
        if (memory_changed(request->store, MEMORY_POLICY_UNREACHABLE, text))
                log_event(text ? EVENT_POLICY_UNREACHABLE : EVENT_POLICY_REACHABLE,
                          &(struct event_fields){.policy_id = request->config->policy_id,
                                                 .reason = text});
}

void policy_news_expired(const struct fetch_request *request, const struct policy *policy)
{
        CLEANUP(freep) char *note = NULL;

        if (policy->expires > request->now)
                return;
        note = str_format("%s %" PRId64, policy->policy_id, policy->version);
        if (note && memory_changed(request->store, MEMORY_POLICY_EXPIRED, note))
                log_event(EVENT_POLICY_EXPIRED,
                          &(struct event_fields){.policy_id = policy->policy_id,
                                                 .policy_version = policy->version});
}
