/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/feed_view.h"

#include "base/str.h"
#include "host/feed_compile.h"
#include "host/feed_store.h"
#include "host/files.h"
#include "host/store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* The helper's copies first: everybody may read them. */
enum { N_PLACES = 2 };

struct view {
        const struct ctl *ctl;
        const struct node *node;
        char *folders[N_PLACES];
        struct feed_place places[N_PLACES];
};

static void view_done(struct view *view)
{
        for (size_t i = 0; i < N_PLACES; i++)
                free(view->folders[i]);
}

static int view_init(struct view *view, const struct paths *paths)
{
        view->folders[0] = str_format("%s/feeds", paths->apply_state);
        view->folders[1] = str_format("%s/feeds", paths->state);
        view->places[0] = (struct feed_place){.folder = view->folders[0]};
        view->places[1] = (struct feed_place){.folder = view->folders[1], .is_foreign = true};
        return view->folders[0] && view->folders[1] ? 0 : -ENOMEM;
}

/* ---- manifests ---- */

/* Takes over manifest when it is newer than *best. */
static void keep_newest(struct manifest **best, struct manifest **manifest)
{
        if (*best && (*best)->version >= (*manifest)->version)
                return;
        manifest_free(*best);
        *best = TAKE_PTR(*manifest);
}

static int open_manifest(const struct view *view, const struct feed_place *place,
                         const struct feed *feed, const struct blob *bytes, struct manifest **best,
                         struct diag *diag)
{
        CLEANUP(manifest_freep) struct manifest *manifest = NULL;
        enum refusal refusal = REFUSAL_NONE;
        int r = feed_store_open_manifest(place, feed, bytes, ctl_now(view->ctl), view->ctl->at != 0,
                                         &manifest, &refusal, diag);

        if (r >= 0)
                keep_newest(best, &manifest);
        return r;
}

static int look_for_manifests(const struct view *view, const struct feed *feed,
                              struct manifest **best, struct diag *diag)
{
        for (size_t i = 0; i < N_PLACES; i++) {
                CLEANUP(blob_done) struct blob bytes = {0};
                int r = feed_store_read_manifest(&view->places[i], feed->id, &bytes, NULL);

                if (r >= 0)
                        r = open_manifest(view, &view->places[i], feed, &bytes, best, diag);
                if (r == -ENOMEM)
                        return r;
        }
        return 0;
}

static int find_manifest(const struct view *view, const struct feed *feed, struct manifest **ret,
                         struct diag *diag)
{
        CLEANUP(manifest_freep) struct manifest *best = NULL;
        CLEANUP(blob_done) struct blob bytes = {0};
        int r;

        if (!feed->manifest_url)
                return manifest_of_pinned(feed, ret);
        r = look_for_manifests(view, feed, &best, diag);
        if (r >= 0 && str_has_prefix(feed->manifest_url, "file://")) {
                r = files_read(feed->manifest_url + strlen("file://"), MANIFEST_SIZE_MAX_BYTES,
                               true, &bytes, diag);
                if (r >= 0)
                        r = open_manifest(view, &view->places[0], feed, &bytes, &best, diag);
        }
        if (r == -ENOMEM)
                return r;
        if (!best)
                return diag_fail(diag, -ENOENT,
                                 "no copy of it is readable here; ask as root, or the daemon with "
                                 "'patchctl status'");
        *ret = TAKE_PTR(best);
        return 0;
}

/* ---- files ---- */

/* A copy in memory, so that what was checked is what is read. */
static int copy_to_memory(int fd, const struct manifest *manifest, int *ret, struct diag *diag)
{
        CLEANUP(closep) int copy = memfd_create("patchd-feed", MFD_CLOEXEC);
        CLEANUP(feed_incoming_done)
        struct feed_incoming incoming = {.manifest = manifest, .fd = -EBADF};
        int r;

        if (copy < 0)
                return diag_fail(diag, -errno, "no memory for a copy: %s", strerrordesc_np(errno));
        r = feed_incoming_begin_at(copy, manifest, &incoming);
        if (r >= 0)
                r = feed_incoming_copy(&incoming, fd, diag);
        if (r >= 0)
                r = feed_incoming_check(&incoming, diag);
        if (r < 0)
                return r;
        *ret = TAKE_FD(copy);
        return 0;
}

static int load_local(const struct view *view, const struct manifest *manifest,
                      struct advisories **ret, struct diag *diag)
{
        const char *path = manifest->url + strlen("file://");
        CLEANUP(closep)
        int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        CLEANUP(closep) int copy = -EBADF;
        int r;

        if (fd < 0)
                return diag_fail(diag, -errno, "%s: cannot open: %s", path,
                                 errno == ELOOP ? "it is a symbolic link" : strerrordesc_np(errno));
        r = copy_to_memory(fd, manifest, &copy, diag);
        if (r >= 0 && lseek(copy, 0, SEEK_SET) < 0)
                r = -errno;
        return r < 0 ? r : feed_compile(copy, view->node, ret, diag);
}

static int load_file(const struct view *view, const struct manifest *manifest,
                     struct advisories **ret, struct diag *diag)
{
        for (size_t i = 0; i < N_PLACES; i++) {
                int r = feed_store_load(&view->places[i], manifest, view->node, false, ret, NULL);

                if (r >= 0 || r == -ENOMEM)
                        return r;
        }
        if (str_has_prefix(manifest->url, "file://"))
                return load_local(view, manifest, ret, diag);
        return diag_fail(diag, -ENOENT,
                         "no copy of %s is readable here; ask as root, or the daemon with "
                         "'patchctl status'",
                         manifest->url);
}

/* ---- the whole ---- */

void feeds_found_done(struct feeds_found *found)
{
        for (size_t i = 0; i < found->n_items; i++) {
                free(found->items[i].id);
                free(found->items[i].lacking);
        }
        free(found->items);
        *found = (struct feeds_found){0};
}

static int load_feed(const struct view *view, const struct feed *feed, struct advisories **all,
                     struct feed_found *found)
{
        CLEANUP(manifest_freep) struct manifest *manifest = NULL;
        CLEANUP(advisories_freep) struct advisories *advisories = NULL;
        struct diag diag = {0};
        int r;

        found->id = strdup(feed->id);
        if (!found->id)
                return -ENOMEM;
        r = find_manifest(view, feed, &manifest, &diag);
        if (r >= 0) {
                found->version = manifest->version;
                found->issued = manifest->issued;
                found->expires = manifest->expires;
                r = load_file(view, manifest, &advisories, &diag);
        }
        if (r >= 0)
                return feed_merge(all, &advisories);
        if (r == -ENOMEM)
                return r;
        found->lacking = str_format("feed '%s': %s", feed->id, diag_text(&diag, r));
        return found->lacking ? 0 : -ENOMEM;
}

int feed_view_load(const struct ctl *ctl, const struct policy *policy, const struct node *node,
                   struct advisories **ret, struct feeds_found *found)
{
        struct view view CLEANUP(view_done) = {.ctl = ctl, .node = node};
        CLEANUP(advisories_freep) struct advisories *all = NULL;
        bool is_lacking = false;

        found->items = calloc(policy->n_feeds + 1, sizeof(*found->items));
        if (!found->items || view_init(&view, ctl->paths) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < policy->n_feeds; i++) {
                struct feed_found *item = &found->items[found->n_items];
                int r;

                if (!match_covers_os(&policy->feeds[i].os, node))
                        continue;
                found->n_items++;
                r = load_feed(&view, &policy->feeds[i], &all, item);
                if (r < 0)
                        return r;
                is_lacking = is_lacking || item->lacking;
        }
        if (!is_lacking)
                *ret = TAKE_PTR(all);
        return 0;
}

char *feed_view_trouble(const struct paths *paths, const char *id)
{
        CLEANUP(store_closep) struct store *store = NULL;
        CLEANUP(freep) char *name = NULL;
        CLEANUP(freep) char *prefix = str_format("feed '%s': ", id);
        CLEANUP(freep) char *text = NULL;
        char key[SHA256_TEXT_SIZE];

        if (!prefix || feed_key(id, key) < 0)
                return NULL;
        name = str_format(STORE_FEED_STATE ".%s", key);
        if (!name || store_open(paths->state, true, &store, NULL, NULL) < 0 ||
            store_get(store, name, &text, NULL) < 0 || !text || !str_has_prefix(text, prefix))
                return NULL;
        return strdup(text + strlen(prefix));
}
