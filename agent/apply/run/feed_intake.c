/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/run/feed_intake.h"

#include "base/str.h"
#include "host/log.h"

/* ---- the cycle's folder as a source ---- */

static int get_manifest(const struct feed *feed, const struct blob *stored, struct blob *ret,
                        void *context, struct diag *diag)
{
        const struct feed_place *fetched = context;
        struct diag why = {0};
        int r = feed_store_read_manifest(fetched, feed->id, ret, &why);

        if (r >= 0)
                return 1;
        if (r == -ENOENT && stored)
                return 0;
        if (r == -ENOENT)
                return diag_fail(diag, r, "it has not been fetched yet");
        return diag_fail(diag, r, "%s", diag_text(&why, r));
}

static int get_file(const struct manifest *manifest, struct feed_incoming *incoming, void *context,
                    struct diag *diag)
{
        const struct feed_place *fetched = context;
        CLEANUP(closep) int fd = feed_store_open_file(fetched, manifest, diag);

        return fd < 0 ? fd : feed_incoming_copy(incoming, fd, diag);
}

/* ---- taking in ---- */

static int say(const struct feed_item *item)
{
        CLEANUP(freep) char *text = feed_item_text(item);

        if (!text)
                return -ENOMEM;
        if (item->trouble)
                log_event(EVENT_FEED_REJECTED,
                          &(struct event_fields){
                              .result = item->refusal != REFUSAL_NONE
                                            ? enum_name(&refusal_names, (int)item->refusal)
                                            : NULL,
                              .reason = item->trouble});
        else if (item->envelope.data)
                log_event(EVENT_FEED_ACCEPTED, &(struct event_fields){.reason = text});
        return 0;
}

static int use(struct feed_set *set, time_t now)
{
        struct diag diag = {0};
        int r = feed_set_use(set, now);

        for (size_t i = 0; r >= 0 && i < set->n_items; i++)
                r = say(&set->items[i]);
        if (r < 0)
                return r;
        r = feed_set_sweep(set, &diag);
        if (r < 0 && r != -ENOMEM)
                log_event(EVENT_STATE_PROBLEM,
                          &(struct event_fields){.reason = diag_text(&diag, r)});
        return r == -ENOMEM ? r : 0;
}

int feed_intake(const struct paths *paths, const struct policy *policy, const struct node *node,
                time_t now, struct advisories **ret, struct strv *lacking)
{
        CLEANUP(feed_set_done) struct feed_set set = {0};
        CLEANUP(freep) char *folder = str_format("%s/feeds", paths->apply_state);
        CLEANUP(freep) char *fetched_folder = str_format("%s/feeds", paths->state);
        struct feed_place fetched = {.folder = fetched_folder, .is_foreign = true};
        const struct feed_source source = {
            .get_manifest = get_manifest, .get_file = get_file, .context = &fetched};
        int r;

        if (!folder || !fetched_folder)
                return -ENOMEM;
        r = feed_set_gather(folder, policy, node, now, &source, &set);
        if (r >= 0)
                r = use(&set, now);
        if (r >= 0)
                r = feed_set_load(&set, node, ret, lacking);
        return r;
}
