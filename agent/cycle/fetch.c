/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/fetch.h"

#include "base/str.h"
#include "cycle/http.h"
#include "cycle/memory.h"
#include "cycle/policy_news.h"
#include "cycle/policy_seen.h"
#include "host/policy_source.h"

#include <inttypes.h>
#include <string.h>

void fetched_done(struct fetched *fetched)
{
        feed_set_done(&fetched->feeds);
        policy_free(fetched->policy);
        blob_done(&fetched->envelope);
        free(fetched->error);
        *fetched = (struct fetched){0};
}

/* Keeps the first sentence. */
static int set_error(struct fetched *fetched, const char *text)
{
        if (fetched->error)
                return 0;
        fetched->error = strdup(text);
        return fetched->error ? 0 : -ENOMEM;
}

/* ---- the last good policy ---- */

/* Gives the ETag to ask with when what it stands for is usable and from the same address. */
static int recall_policy(const struct fetch_request *request, const char *url,
                         struct fetched *fetched, char **ret_etag, struct diag *diag)
{
        static const char cannot_count[] =
            "the last good policy is not used: its version can't be written to the agent's state";
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(blob_done) struct blob bytes = {0};
        CLEANUP(freep) char *etag = NULL;
        CLEANUP(freep) char *etag_url = NULL;
        struct diag refused = {0};
        enum refusal refusal = REFUSAL_NONE;
        int r;

        r = store_get_policy(request->store, &bytes, &etag, diag);
        if (r == -ENOENT) {
                diag_clear(diag);
                return 0;
        }
        if (r < 0)
                return r;
        r = policy_seen_open(request, &bytes, true, &policy, &refusal, &refused);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                diag_prefix(&refused, "the last good policy is not accepted any more");
                policy_news_refused(request, MEMORY_POLICY_UNUSABLE, refusal,
                                    diag_text(&refused, r), &bytes);
                return set_error(fetched, diag_text(&refused, r));
        }
        /* A cut may have come between keeping it and counting it. */
        r = policy_seen_remember(request, policy);
        if (r < 0)
                return r == -ENOMEM ? r : set_error(fetched, cannot_count);
        fetched->policy = TAKE_PTR(policy);
        fetched->envelope = bytes;
        bytes = (struct blob){0};
        (void)memory_changed(request->store, MEMORY_POLICY_UNUSABLE, NULL);
        etag_url = memory_get(request->store, MEMORY_POLICY_URL);
        if (str_equal(etag_url, url))
                *ret_etag = TAKE_PTR(etag);
        return 0;
}

/* Writes what has come to disk, with where it is from. */
static int keep(const struct fetch_request *request, const char *url,
                const struct transport_response *response, struct diag *diag)
{
        int r = store_set_policy(request->store, &response->body, response->etag, diag);

        if (r < 0)
                log_event(EVENT_STATE_PROBLEM,
                          &(struct event_fields){.policy_id = request->config->policy_id,
                                                 .reason = diag_text(diag, r)});
        return r < 0 ? r : memory_set(request->store, MEMORY_POLICY_URL, url);
}

/* ---- feeds ---- */

static struct feeds_request feeds_request_for(const struct fetch_request *request)
{
        return (struct feeds_request){.paths = request->paths,
                                      .store = request->store,
                                      .transport = request->transport,
                                      .node = request->node,
                                      .now = request->now,
                                      .may_wait = request->may_wait};
}

static void take_feeds(struct fetched *fetched, struct feed_set *feeds)
{
        feed_set_done(&fetched->feeds);
        fetched->feeds = *feeds;
        *feeds = (struct feed_set){0};
}

/* The policy in use can go on only as long as neither it nor its feeds have expired. */
static int can_stay(const struct fetch_request *request, struct fetched *fetched, bool *ret)
{
        const struct feeds_request feeds = feeds_request_for(request);
        int r;

        *ret = fetched->policy && fetched->policy->expires > request->now;
        if (!*ret || fetched->feeds.folder)
                return 0;
        r = feeds_gather(&feeds, fetched->policy, &fetched->feeds);
        *ret = r >= 0 && !feed_set_lacking(&fetched->feeds);
        return r;
}

/* ---- a new policy ---- */

/* Puts the policy in use; it has to be on disk before that. */
static int adopt(const struct fetch_request *request, const char *url, struct policy **policy,
                 struct feed_set *feeds, struct transport_response *response,
                 struct fetched *fetched)
{
        bool is_new = !fetched->policy || strcmp(fetched->policy->digest, (*policy)->digest) != 0;
        struct diag diag = {0};
        int r;

        r = keep(request, url, response, &diag);
        if (r >= 0)
                r = policy_seen_remember(request, *policy);
        if (r < 0)
                return r == -ENOMEM ? r : set_error(fetched, diag_text(&diag, r));
        if (is_new)
                policy_news_accepted(*policy);
        free(fetched->error); /* of a stored one that was not accepted: there is another now */
        fetched->error = NULL;
        take_feeds(fetched, feeds);
        policy_free(fetched->policy);
        fetched->policy = TAKE_PTR(*policy);
        blob_done(&fetched->envelope);
        fetched->envelope = response->body;
        response->body = (struct blob){0};
        return 0;
}

static int wait_for_feed(const struct fetch_request *request, const struct policy *policy,
                         const struct feed_item *lacking, struct fetched *fetched)
{
        CLEANUP(freep)
        char *text = str_format("policy version %" PRId64 " waits for its feeds: %s",
                                policy->version, lacking->trouble);

        if (!text)
                return -ENOMEM;
        fetched->is_waiting = true;
        if (memory_changed(request->store, MEMORY_POLICY_WAITS, text))
                log_event(EVENT_FEED_REJECTED,
                          &(struct event_fields){.policy_id = policy->policy_id,
                                                 .policy_version = policy->version,
                                                 .reason = text});
        return set_error(fetched, text);
}

static int adopt_with_feeds(const struct fetch_request *request, const char *url,
                            struct policy **policy, struct transport_response *response,
                            struct fetched *fetched)
{
        const struct feeds_request feeds_request = feeds_request_for(request);
        CLEANUP(feed_set_done) struct feed_set feeds = {0};
        const struct feed_item *lacking;
        bool stays = false;
        int r = feeds_gather(&feeds_request, *policy, &feeds);

        lacking = r < 0 ? NULL : feed_set_lacking(&feeds);
        if (lacking)
                r = can_stay(request, fetched, &stays);
        if (r < 0)
                return r;
        if (stays)
                return wait_for_feed(request, *policy, lacking, fetched);
        (void)memory_changed(request->store, MEMORY_POLICY_WAITS, NULL);
        return adopt(request, url, policy, &feeds, response, fetched);
}

static bool is_same_bytes(const struct blob *a, const struct blob *b)
{
        return a->size == b->size && a->size > 0 && memcmp(a->data, b->data, a->size) == 0;
}

/* A new policy that has expired already would only stop a node that has a good one; to a node
 * without one it says at least what to scan for. */
static int consider_new(const struct fetch_request *request, const char *url,
                        struct transport_response *response, struct fetched *fetched,
                        bool *ret_refused)
{
        CLEANUP(policy_freep) struct policy *policy = NULL;
        enum refusal refusal = REFUSAL_NONE;
        struct diag refused = {0};
        int r;

        r = policy_seen_open(request, &response->body, !fetched->policy, &policy, &refusal,
                             &refused);
        *ret_refused = r < 0;
        if (r == -ENOMEM)
                return r;
        if (r >= 0)
                return adopt_with_feeds(request, url, &policy, response, fetched);
        diag_prefix(&refused, "the policy from %s is refused", url);
        policy_news_refused(request, MEMORY_POLICY_REFUSED, refusal, diag_text(&refused, r),
                            &response->body);
        return set_error(fetched, diag_text(&refused, r));
}

/* A body has come: take it, or say why not and stay with what there is. */
static int consider(const struct fetch_request *request, const char *url,
                    struct transport_response *response, struct fetched *fetched)
{
        bool is_refused = false;
        struct diag ignored = {0};
        int r;

        if (fetched->policy && is_same_bytes(&response->body, &fetched->envelope))
                r = keep(request, url, response, &ignored) == -ENOMEM ? -ENOMEM : 0;
        else
                r = consider_new(request, url, response, fetched, &is_refused);
        if (r >= 0 && !is_refused)
                (void)memory_changed(request->store, MEMORY_POLICY_REFUSED, NULL);
        return r;
}

/* ---- the endpoint ---- */

static int unreachable(const struct fetch_request *request, struct fetched *fetched,
                       const char *text)
{
        policy_news_reachable(request, text);
        return set_error(fetched, text);
}

static int ask_endpoint(const struct fetch_request *request, const char *url, const char *etag,
                        struct fetched *fetched)
{
        CLEANUP(transport_response_done) struct transport_response response = {0};
        char now[TIME_TEXT_SIZE];
        struct diag diag = {0};
        int r;

        r = transport_get(request->transport, url, etag, ENVELOPE_SIZE_MAX_BYTES, &response, &diag);
        if (r == -ENOMEM)
                return r;
        if (r >= 0 && response.status != 200 && !(response.status == 304 && etag))
                r = http_fail_status(&diag, url, response.status, "policy_url");
        if (r < 0) {
                fetched->retry_after_seconds = response.retry_after_seconds;
                return unreachable(request, fetched, diag_text(&diag, r));
        }
        fetched->is_reachable = true;
        policy_news_reachable(request, NULL);
        (void)memory_set(request->store, MEMORY_POLICY_CHECKED_AT,
                         time_to_rfc3339(request->now, now));
        if (response.status == 304) {
                (void)memory_changed(request->store, MEMORY_POLICY_REFUSED, NULL);
                return 0;
        }
        return consider(request, url, &response, fetched);
}

static int fetch_from_endpoint(const struct fetch_request *request, struct fetched *fetched,
                               struct diag *diag)
{
        CLEANUP(freep) char *url = NULL;
        CLEANUP(freep) char *etag = NULL;
        int r;

        r = config_expand_url(request->config->policy_url, request->node->id,
                              request->config->policy_id, &url, diag);
        if (r >= 0)
                r = recall_policy(request, url, fetched, &etag, diag);
        if (r >= 0)
                r = ask_endpoint(request, url, etag, fetched);
        return r;
}

/* ---- files ---- */

static int fetch_from_file(const struct fetch_request *request, struct fetched *fetched)
{
        CLEANUP(freep) char *digest = memory_get(request->store, MEMORY_POLICY_DIGEST);
        struct diag diag = {0};
        int r;

        fetched->is_reachable = true;
        r = policy_source_load(request->paths, request->config, request->now, &fetched->policy,
                               &diag);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                if (memory_changed(request->store, MEMORY_POLICY_REFUSED, diag_text(&diag, r)))
                        log_event(EVENT_POLICY_REJECTED,
                                  &(struct event_fields){.policy_id = request->config->policy_id,
                                                         .reason = diag_text(&diag, r)});
                return set_error(fetched, diag_text(&diag, r));
        }
        (void)memory_changed(request->store, MEMORY_POLICY_REFUSED, NULL);
        if (!str_equal(digest, fetched->policy->digest) &&
            policy_seen_remember(request, fetched->policy) >= 0)
                policy_news_accepted(fetched->policy);
        return 0;
}

/* ---- the whole ---- */

/* The feeds of the policy that counts now. */
static int bring_feeds(const struct fetch_request *request, struct fetched *fetched)
{
        const struct feeds_request feeds = feeds_request_for(request);
        const char *trouble;
        int r = 0;

        if (!fetched->feeds.folder)
                r = feeds_gather(&feeds, fetched->policy, &fetched->feeds);
        if (r >= 0)
                r = feeds_use(&feeds, &fetched->feeds);
        /* What a waiting policy has got already must not be fetched again for each try. */
        if (r >= 0 && !fetched->is_waiting)
                r = feeds_sweep(&fetched->feeds);
        if (r < 0)
                return r;
        trouble = feeds_trouble(&fetched->feeds);
        return trouble ? set_error(fetched, trouble) : 0;
}

int fetch_policy(const struct fetch_request *request, struct fetched *ret, struct diag *diag)
{
        CLEANUP(fetched_done) struct fetched fetched = {0};
        const char *url = request->config->policy_url;
        int r;

        if (!url || str_has_prefix(url, "file://"))
                r = fetch_from_file(request, &fetched);
        else
                r = fetch_from_endpoint(request, &fetched, diag);
        if (r < 0)
                return r;
        if (fetched.policy) {
                policy_news_expired(request, fetched.policy);
                r = bring_feeds(request, &fetched);
                if (r < 0)
                        return r;
        }
        *ret = fetched;
        fetched = (struct fetched){0};
        return 0;
}
