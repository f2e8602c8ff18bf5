/* SPDX-License-Identifier: Apache-2.0 */
#include "host/feed_set.h"

#include "base/str.h"
#include "host/feed_compile.h"
#include "host/files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

static void item_done(struct feed_item *item)
{
        manifest_free(item->manifest);
        blob_done(&item->envelope);
        free(item->trouble);
}

void feed_set_done(struct feed_set *set)
{
        for (size_t i = 0; i < set->n_items; i++)
                item_done(&set->items[i]);
        free(set->items);
        free(set->folder);
        *set = (struct feed_set){0};
}

/* Keeps the first sentence. */
static int note_trouble(struct feed_item *item, enum refusal refusal, const struct diag *diag,
                        int error)
{
        if (error == -ENOMEM)
                return error;
        if (item->trouble)
                return 0;
        item->refusal = refusal;
        item->trouble = str_format("feed '%s': %s", item->feed->id, diag_text(diag, error));
        return item->trouble ? 0 : -ENOMEM;
}

/* ---- where bytes come from ---- */

/* A path of the policy or of a manifest, both verified; what is there is believed by its digest. */
static int copy_local_file(const struct manifest *manifest, struct feed_incoming *incoming,
                           struct diag *diag)
{
        const char *path = manifest->url + strlen("file://");
        CLEANUP(closep)
        int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

        if (fd < 0)
                return diag_fail(diag, -errno, "%s: cannot open: %s", path,
                                 errno == ELOOP ? "it is a symbolic link" : strerrordesc_np(errno));
        return feed_incoming_copy(incoming, fd, diag);
}

static int get_manifest(const struct feed *feed, const struct blob *stored,
                        const struct feed_source *source, struct blob *ret, struct diag *diag)
{
        int r;

        if (!str_has_prefix(feed->manifest_url, "file://"))
                return source->get_manifest(feed, stored, ret, source->context, diag);
        r = files_read(feed->manifest_url + strlen("file://"), MANIFEST_SIZE_MAX_BYTES, true, ret,
                       diag);
        return r < 0 ? r : 1;
}

/* Makes sure that the manifest's file is in the place. */
static int get_file(const struct feed_place *place, const struct manifest *manifest,
                    const struct node *node, const struct feed_source *source, struct diag *diag)
{
        CLEANUP(feed_incoming_done) struct feed_incoming incoming = {.fd = -EBADF};
        int r;

        if (feed_store_has_file(place, manifest))
                return 0;
        r = feed_incoming_begin(place, manifest, node, &incoming, diag);
        if (r < 0)
                return r;
        if (str_has_prefix(manifest->url, "file://"))
                r = copy_local_file(manifest, &incoming, diag);
        else
                r = source->get_file(manifest, &incoming, source->context, diag);
        return r < 0 ? r : feed_incoming_finish(&incoming, diag);
}

/* ---- gathering ---- */

struct gathering {
        const struct feed_place *place;
        const struct node *node;
        time_t now;
        const struct feed_source *source;
};

static int gather_pinned(const struct gathering *gathering, struct feed_item *item)
{
        CLEANUP(manifest_freep) struct manifest *manifest = NULL;
        struct diag diag = {0};
        int r = manifest_of_pinned(item->feed, &manifest);

        if (r >= 0)
                r = get_file(gathering->place, manifest, gathering->node, gathering->source, &diag);
        if (r < 0)
                return note_trouble(item, REFUSAL_NONE, &diag, r);
        item->manifest = TAKE_PTR(manifest);
        return 0;
}

/* The manifest that counts so far, if it still does; why not is in diag. */
static int recall(const struct feed_place *place, const struct feed *feed, time_t now,
                  struct blob *ret_bytes, struct manifest **ret, enum refusal *ret_refusal,
                  struct diag *diag)
{
        int r = feed_store_read_manifest(place, feed->id, ret_bytes, diag);

        if (r >= 0)
                r = feed_store_open_manifest(place, feed, ret_bytes, now, false, ret, ret_refusal,
                                             diag);
        return r;
}

/* Gives 1 when the item is done with what came. */
static int gather_new(const struct gathering *gathering, struct feed_item *item,
                      const struct blob *stored, const struct manifest *recalled)
{
        CLEANUP(manifest_freep) struct manifest *manifest = NULL;
        CLEANUP(blob_done) struct blob bytes = {0};
        enum refusal refusal = REFUSAL_NONE;
        struct diag diag = {0};
        int r;

        r = get_manifest(item->feed, recalled ? stored : NULL, gathering->source, &bytes, &diag);
        if (r == 0)
                return 0;
        if (r > 0)
                r = feed_store_open_manifest(gathering->place, item->feed, &bytes, gathering->now,
                                             false, &manifest, &refusal, &diag);
        if (r >= 0)
                r = get_file(gathering->place, manifest, gathering->node, gathering->source, &diag);
        if (r < 0)
                return note_trouble(item, refusal, &diag, r);
        item->manifest = TAKE_PTR(manifest);
        if (!recalled || strcmp(recalled->digest, item->manifest->digest) != 0) {
                item->envelope = bytes;
                bytes = (struct blob){0};
        }
        return 1;
}

static int gather_signed(const struct gathering *gathering, struct feed_item *item)
{
        CLEANUP(manifest_freep) struct manifest *recalled = NULL;
        CLEANUP(blob_done) struct blob stored = {0};
        enum refusal refusal = REFUSAL_NONE;
        struct diag why = {0}, diag = {0};
        int recall_error, r;

        recall_error = recall(gathering->place, item->feed, gathering->now, &stored, &recalled,
                              &refusal, &why);
        if (recall_error == -ENOMEM)
                return recall_error;
        r = gather_new(gathering, item, &stored, recalled);
        if (r != 0)
                return r < 0 ? r : 0;
        if (!recalled)
                return note_trouble(item, refusal, &why, recall_error);
        r = get_file(gathering->place, recalled, gathering->node, gathering->source, &diag);
        if (r < 0)
                return note_trouble(item, REFUSAL_NONE, &diag, r);
        item->manifest = TAKE_PTR(recalled);
        return 0;
}

int feed_set_gather(const char *folder, const struct policy *policy, const struct node *node,
                    time_t now, const struct feed_source *source, struct feed_set *ret)
{
        const struct feed_place place = {.folder = folder};
        const struct gathering gathering = {
            .place = &place, .node = node, .now = now, .source = source};
        CLEANUP(feed_set_done) struct feed_set set = {.folder = strdup(folder)};

        set.items = calloc(policy->n_feeds + 1, sizeof(*set.items));
        if (!set.items || !set.folder)
                return -ENOMEM;
        for (size_t i = 0; i < policy->n_feeds; i++) {
                const struct feed *feed = &policy->feeds[i];
                struct feed_item *item = &set.items[set.n_items];
                int r;

                if (!match_covers_os(&feed->os, node))
                        continue;
                item->feed = feed;
                set.n_items++;
                r = feed->manifest_url ? gather_signed(&gathering, item)
                                       : gather_pinned(&gathering, item);
                if (r < 0)
                        return r;
        }
        *ret = set;
        set = (struct feed_set){0};
        return 0;
}

/* ---- using ---- */

char *feed_item_text(const struct feed_item *item)
{
        if (!item->manifest)
                return str_format("feed '%s' is lacking", item->feed->id);
        if (item->manifest->version == 0)
                return str_format("feed '%s' as the policy pins it", item->feed->id);
        return str_format("feed '%s' version %" PRId64, item->feed->id, item->manifest->version);
}

const struct feed_item *feed_set_lacking(const struct feed_set *set)
{
        for (size_t i = 0; i < set->n_items; i++)
                if (!set->items[i].manifest)
                        return &set->items[i];
        return NULL;
}

static int fall_back(const struct feed_place *place, struct feed_item *item, time_t now)
{
        CLEANUP(blob_done) struct blob bytes = {0};
        enum refusal refusal = REFUSAL_NONE;
        int r;

        manifest_free(item->manifest);
        item->manifest = NULL;
        r = recall(place, item->feed, now, &bytes, &item->manifest, &refusal, NULL);
        if (r >= 0 && !feed_store_has_file(place, item->manifest)) {
                manifest_free(item->manifest);
                item->manifest = NULL;
        }
        return r == -ENOMEM ? r : 0;
}

int feed_set_use(struct feed_set *set, time_t now)
{
        const struct feed_place place = {.folder = set->folder};

        for (size_t i = 0; i < set->n_items; i++) {
                struct feed_item *item = &set->items[i];
                struct diag diag = {0};
                int r;

                if (!item->manifest)
                        continue;
                r = feed_store_use_manifest(&place, item->manifest,
                                            item->envelope.data ? &item->envelope : NULL, &diag);
                if (r >= 0)
                        continue;
                r = note_trouble(item, REFUSAL_NONE, &diag, r);
                if (r >= 0)
                        r = fall_back(&place, item, now);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- loading ---- */

static int load_item(const struct feed_place *place, const struct feed_item *item,
                     const struct node *node, struct advisories **all, struct strv *lacking)
{
        CLEANUP(advisories_freep) struct advisories *advisories = NULL;
        struct diag diag = {0};
        int r;

        if (!item->manifest)
                return strv_add(lacking, item->trouble);
        r = feed_store_load(place, item->manifest, node, true, &advisories, &diag);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return strv_addf(lacking, "feed '%s': %s", item->feed->id, diag_text(&diag, r));
        return feed_merge(all, &advisories);
}

int feed_set_load(const struct feed_set *set, const struct node *node, struct advisories **ret,
                  struct strv *lacking)
{
        const struct feed_place place = {.folder = set->folder};
        CLEANUP(advisories_freep) struct advisories *all = NULL;

        for (size_t i = 0; i < set->n_items; i++) {
                int r = load_item(&place, &set->items[i], node, &all, lacking);

                if (r < 0)
                        return r;
        }
        if (lacking->n_items > 0) {
                advisories_free(all);
                all = NULL;
        }
        *ret = TAKE_PTR(all);
        return 0;
}

int feed_set_sweep(const struct feed_set *set, struct diag *diag)
{
        const struct feed_place place = {.folder = set->folder};
        CLEANUP(freep) struct feed_needed *needed = calloc(set->n_items + 1, sizeof(*needed));

        if (!needed)
                return -ENOMEM;
        for (size_t i = 0; i < set->n_items; i++) {
                needed[i].id = set->items[i].feed->id;
                needed[i].sha256 = set->items[i].manifest ? set->items[i].manifest->sha256 : NULL;
        }
        return feed_store_sweep(&place, needed, set->n_items, diag);
}

time_t feed_set_expires(const struct feed_set *set)
{
        time_t first = 0;

        for (size_t i = 0; i < set->n_items; i++) {
                const struct manifest *manifest = set->items[i].manifest;

                if (manifest && manifest->expires && (!first || manifest->expires < first))
                        first = manifest->expires;
        }
        return first;
}
