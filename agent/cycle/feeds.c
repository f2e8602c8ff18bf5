/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/feeds.h"

#include "base/str.h"
#include "cycle/feed_wait.h"
#include "cycle/http.h"
#include "cycle/memory.h"

#include <string.h>

/* ---- ETags ---- */

/* Where and for which manifest an ETag was given; it is of no use for another. */
static char *etag_head(const char *url, const struct blob *manifest)
{
        char digest[SHA256_TEXT_SIZE];

        return digest_of(manifest->data, manifest->size, digest) < 0
                   ? NULL
                   : str_format("%s %s ", digest, url);
}

static char *etag_key(const struct feed *feed)
{
        char key[SHA256_TEXT_SIZE];

        return feed_key(feed->id, key) < 0 ? NULL : str_format(MEMORY_FEED_ETAG ".%s", key);
}

/* The ETag to ask with; NULL: none. */
static char *recall_etag(struct store *store, const struct feed *feed, const struct blob *stored)
{
        CLEANUP(freep) char *key = stored ? etag_key(feed) : NULL;
        CLEANUP(freep) char *head = stored ? etag_head(feed->manifest_url, stored) : NULL;
        CLEANUP(freep) char *note = key ? memory_get(store, key) : NULL;

        return note && head && str_has_prefix(note, head) ? strdup(note + strlen(head)) : NULL;
}

static void note_etag(struct store *store, const struct feed *feed,
                      const struct transport_response *response)
{
        CLEANUP(freep) char *key = etag_key(feed);
        CLEANUP(freep) char *head = etag_head(feed->manifest_url, &response->body);
        CLEANUP(freep)
        char *note = head && response->etag ? str_format("%s%s", head, response->etag) : NULL;

        if (key)
                (void)memory_changed(store, key, note);
}

/* ---- the network as a source ---- */

struct asking {
        const struct feeds_request *request;
        const struct policy *policy;
};

static int ask_for_manifest(const struct feeds_request *request, const struct feed *feed,
                            const struct blob *stored, struct transport_response *response,
                            struct diag *diag)
{
        CLEANUP(freep) char *etag = recall_etag(request->store, feed, stored);
        int r = transport_get(request->transport, feed->manifest_url, etag, MANIFEST_SIZE_MAX_BYTES,
                              response, diag);

        if (r < 0)
                return r;
        if (response->status == 304 && etag)
                return 0;
        if (response->status != 200)
                return http_fail_status(diag, feed->manifest_url, response->status,
                                        "the feed's manifest_url in the policy");
        note_etag(request->store, feed, response);
        return 1;
}

static int get_manifest(const struct feed *feed, const struct blob *stored, struct blob *ret,
                        void *context, struct diag *diag)
{
        const struct asking *asking = context;
        CLEANUP(transport_response_done) struct transport_response response = {0};
        int r;

        r = feed_wait_check(asking->request, feed, diag);
        if (r < 0)
                return r;
        r = ask_for_manifest(asking->request, feed, stored, &response, diag);
        if (r < 0)
                return feed_wait_failed(asking->request, feed, response.retry_after_seconds, r,
                                        diag);
        if (r > 0) {
                *ret = response.body;
                response.body = (struct blob){0};
        }
        return r;
}

static const struct feed *feed_of(const struct policy *policy, const struct manifest *manifest)
{
        for (size_t i = 0; i < policy->n_feeds; i++)
                if (str_equal(policy->feeds[i].id, manifest->id))
                        return &policy->feeds[i];
        return NULL;
}

static int get_file(const struct manifest *manifest, struct feed_incoming *incoming, void *context,
                    struct diag *diag)
{
        const struct asking *asking = context;
        const struct feed *feed = feed_of(asking->policy, manifest);
        CLEANUP(transport_response_done) struct transport_response response = {0};
        int r;

        r = feed ? feed_wait_check(asking->request, feed, diag) : 0;
        if (r < 0)
                return r;
        r = transport_download(asking->request->transport, manifest->url, feed_incoming_write,
                               incoming, &response, diag);
        if (r >= 0 && response.status != 200)
                r = http_fail_status(diag, manifest->url, response.status,
                                     "the feed's url in its manifest");
        if (r < 0 && feed)
                return feed_wait_failed(asking->request, feed, response.retry_after_seconds, r,
                                        diag);
        return r;
}

/* ---- in and out ---- */

int feeds_gather(const struct feeds_request *request, const struct policy *policy,
                 struct feed_set *ret)
{
        CLEANUP(freep) char *folder = str_format("%s/feeds", request->paths->state);
        struct asking asking = {.request = request, .policy = policy};
        const struct feed_source source = {
            .get_manifest = get_manifest, .get_file = get_file, .context = &asking};
        int r;

        if (!folder)
                return -ENOMEM;
        r = feed_set_gather(folder, policy, request->node, request->now, &source, ret);
        for (size_t i = 0; r >= 0 && i < ret->n_items; i++)
                feed_wait_settle(request, &ret->items[i]);
        return r;
}

/* Told once per change; a feed that is there again is told as new. */
static void say(const struct feeds_request *request, const struct feed_item *item)
{
        char key[SHA256_TEXT_SIZE];
        CLEANUP(freep) char *name = NULL;
        CLEANUP(freep) char *text = NULL;

        if (feed_key(item->feed->id, key) < 0)
                return;
        name = str_format(MEMORY_FEED_STATE ".%s", key);
        text = item->trouble ? strdup(item->trouble) : feed_item_text(item);
        if (!name || !text || !memory_changed(request->store, name, text))
                return;
        log_event(
            item->trouble ? EVENT_FEED_REJECTED : EVENT_FEED_ACCEPTED,
            &(struct event_fields){.result = item->refusal != REFUSAL_NONE
                                                 ? enum_name(&refusal_names, (int)item->refusal)
                                                 : NULL,
                                   .reason = text});
}

int feeds_use(const struct feeds_request *request, struct feed_set *set)
{
        int r = feed_set_use(set, request->now);

        for (size_t i = 0; r >= 0 && i < set->n_items; i++)
                say(request, &set->items[i]);
        return r;
}

int feeds_sweep(const struct feed_set *set)
{
        struct diag diag = {0};
        int r = feed_set_sweep(set, &diag);

        if (r < 0 && r != -ENOMEM)
                log_event(EVENT_STATE_PROBLEM,
                          &(struct event_fields){.reason = diag_text(&diag, r)});
        return r == -ENOMEM ? r : 0;
}

const char *feeds_trouble(const struct feed_set *set)
{
        for (size_t i = 0; i < set->n_items; i++)
                if (set->items[i].trouble)
                        return set->items[i].trouble;
        return NULL;
}
