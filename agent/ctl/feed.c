/* SPDX-License-Identifier: Apache-2.0 */

/* feed build, check: for the machine where feeds are made. */

#include "base/json.h"
#include "base/str.h"
#include "base/timetext.h"
#include "ctl/ctl.h"
#include "host/archive.h"
#include "host/files.h"
#include "host/host.h"
#include "host/osv_feed.h"
#include "host/root.h"
#include "packages/osv_compact.h"
#include "policy/manifest.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { KEY_FILE_MAX_BYTES = 64 * 1024 };

/* ---- the release ---- */

/* --os, else this host's. Fixes that need a subscription are counted: nodes leave them out. */
static int find_release(const struct ctl *ctl, struct osv_release *ret, struct diag *diag)
{
        CLEANUP(root_done) struct root root = {.fd = -EBADF};
        struct node node CLEANUP(node_done) = {0};
        CLEANUP(freep) char *id = NULL;
        CLEANUP(freep) char *version = NULL;
        const char *colon = ctl->os ? strchr(ctl->os, ':') : NULL;
        int r = 0;

        if (ctl->os && !colon)
                return diag_fail(diag, -EINVAL, "--os: '%s' is not ID:VERSION, as debian:12",
                                 ctl->os);
        if (ctl->os) {
                id = strndup(ctl->os, (size_t)(colon - ctl->os));
                version = strdup(colon + 1);
        } else {
                r = root_open("/", &root, diag);
                if (r >= 0)
                        r = host_node(&root, NULL, NULL, "", &node, diag);
                if (r >= 0) {
                        id = TAKE_PTR(node.os_id);
                        version = TAKE_PTR(node.os_version);
                }
        }
        if (r < 0)
                return r;
        return id && version ? osv_release_for(id, version, true, ret, diag) : -ENOMEM;
}

static int open_export(const char *path, int *ret, struct diag *diag)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return diag_fail(diag, -errno, "%s: cannot open: %s", path, strerrordesc_np(errno));
        *ret = fd;
        return 0;
}

/* ---- cutting ---- */

/* One export on its way into a feed: what it says is counted on both sides. */
struct cut {
        struct osv_release release;
        struct archive_packer *packer;
        struct advisory_builder *whole, *compact;
        struct osv_stats stats, compact_stats;
        size_t n_records;
};

static void cut_done(struct cut *cut)
{
        archive_packer_free(cut->packer);
        advisory_builder_free(cut->whole);
        advisory_builder_free(cut->compact);
}

static int cut_begin(struct cut *cut, struct diag *diag)
{
        cut->whole = advisory_builder_new();
        cut->compact = advisory_builder_new();
        return cut->whole && cut->compact ? archive_packer_new(&cut->packer, diag) : -ENOMEM;
}

static int cut_record(const char *text, size_t size, void *arg, struct diag *diag)
{
        struct cut *cut = arg;
        CLEANUP(freep) char *compact = NULL;
        int r = osv_compact(text, size, &cut->release, &compact, diag);

        if (r < 0 || !compact)
                return r;
        r = osv_read_record(text, size, &cut->release, cut->whole, &cut->stats, diag);
        if (r >= 0)
                r = osv_read_record(compact, strlen(compact), &cut->release, cut->compact,
                                    &cut->compact_stats, diag);
        if (r < 0)
                return r;
        cut->n_records++;
        r = archive_packer_add(cut->packer, compact, strlen(compact), diag);
        return r < 0 ? r : archive_packer_add(cut->packer, "\n", 1, diag);
}

/* What was cut off must not have changed what is said. */
static int check_cut(struct cut *cut, struct diag *diag)
{
        CLEANUP(advisories_freep) struct advisories *whole = NULL;
        CLEANUP(advisories_freep) struct advisories *compact = NULL;
        int r = advisory_builder_finish(cut->whole, &whole);

        if (r >= 0)
                r = advisory_builder_finish(cut->compact, &compact);
        if (r < 0)
                return r;
        if (whole->n_items == 0)
                return diag_fail(diag, -ENOENT, "none of its records is about %s %s",
                                 cut->release.os_id, cut->release.version);
        if (!advisories_are_same(whole, compact))
                return diag_fail(diag, -EIO,
                                 "the cut feed would not say the same as the export; this is an "
                                 "error of patchctl");
        return 0;
}

static int cut_export(const struct ctl *ctl, const char *path, struct blob *ret, size_t *ret_n,
                      struct diag *diag)
{
        struct cut cut CLEANUP(cut_done) = {0};
        CLEANUP(closep) int fd = -EBADF;
        int r = find_release(ctl, &cut.release, diag);

        if (r >= 0)
                r = cut_begin(&cut, diag);
        if (r >= 0)
                r = open_export(path, &fd, diag);
        if (r < 0)
                return r;
        r = osv_feed_each(fd, cut_record, &cut, diag);
        if (r >= 0)
                r = check_cut(&cut, diag);
        if (r < 0) {
                diag_prefix(diag, "%s", path);
                return r;
        }
        *ret_n = cut.n_records;
        return archive_packer_finish(cut.packer, ret, diag);
}

/* ---- the manifest ---- */

/* Seconds of the epoch need no memory of the last one; what is there already counts too. */
static int64_t next_version(const char *path, time_t now)
{
        CLEANUP(blob_done) struct blob bytes = {0}, payload = {0};
        CLEANUP(json_freep) struct json *json = NULL;
        int64_t version = 0;

        if (files_read(path, MANIFEST_SIZE_MAX_BYTES, false, &bytes, NULL) >= 0 &&
            dsse_peek(&bytes, MANIFEST_PAYLOAD_TYPE, &payload, NULL) >= 0 &&
            json_parse(payload.data, payload.size, &json, NULL) >= 0)
                version = json_get_int(json, "version", 0);
        return version >= now ? version + 1 : now;
}

static int sign_manifest(const struct ctl *ctl, const struct manifest *manifest, char **ret,
                         struct diag *diag)
{
        CLEANUP(blob_done) struct blob key = {0};
        CLEANUP(freep) char *text = NULL;
        const char *path = ctl->keys.items[0];
        struct blob payload;
        int r = files_read(path, KEY_FILE_MAX_BYTES, false, &key, diag);

        if (r < 0)
                return r;
        r = manifest_to_text(manifest, &text, diag);
        if (r < 0)
                return r;
        payload = (struct blob){.data = text, .size = strlen(text)};
        r = dsse_sign(&payload, MANIFEST_PAYLOAD_TYPE, NULL, key.data, key.size, ret, diag);
        if (r < 0)
                diag_prefix(diag, "%s", path);
        return r;
}

static int make_manifest(const struct ctl *ctl, const char *path, const char *feed_path,
                         const struct blob *feed, char **ret, struct diag *diag)
{
        const char *slash = strrchr(feed_path, '/');
        char sha256[SHA256_TEXT_SIZE];
        time_t now = time(NULL);
        struct manifest manifest = {
            .id = (char *)ctl->feed_id,
            .version = next_version(path, now),
            .issued = now,
            .expires = ctl->expires ?: now + ctl->days * SECONDS_PER_DAY,
            .url = (char *)(ctl->url ?: (slash ? slash + 1 : feed_path)),
            .sha256 = sha256,
            .size_bytes = (int64_t)feed->size,
        };
        int r = digest_of(feed->data, feed->size, sha256);

        return r < 0 ? r : sign_manifest(ctl, &manifest, ret, diag);
}

/* Nothing is written before all is made; the manifest last, since it names the file. */
static int write_feed(const struct ctl *ctl, const struct blob *feed, size_t n_records,
                      struct diag *diag)
{
        CLEANUP(freep) char *feed_path = str_format("%s.json.zst", ctl->output);
        CLEANUP(freep) char *manifest_path = str_format("%s.manifest.json", ctl->output);
        CLEANUP(freep) char *envelope = NULL;
        int r;

        if (!feed_path || !manifest_path)
                return -ENOMEM;
        r = make_manifest(ctl, manifest_path, feed_path, feed, &envelope, diag);
        if (r >= 0)
                r = files_write_atomic(feed_path, feed->data, feed->size, 0644, diag);
        if (r >= 0)
                r = files_write_atomic(manifest_path, envelope, strlen(envelope), 0644, diag);
        if (r >= 0)
                printf("%s  %zu records, %zu bytes\n%s  its manifest; publish it after the file\n",
                       feed_path, n_records, feed->size, manifest_path);
        return r;
}

static int build(const struct ctl *ctl, struct diag *diag)
{
        CLEANUP(blob_done) struct blob feed = {0};
        size_t n_records = 0;
        int r;

        if (!ctl->feed_id || !ctl->output || ctl->keys.n_items != 1)
                return diag_fail(diag, -EINVAL,
                                 "'feed build' needs --id ID, one --key FILE (a private key) and "
                                 "-o PREFIX");
        r = cut_export(ctl, ctl->arguments.items[0], &feed, &n_records, diag);
        return r < 0 ? r : write_feed(ctl, &feed, n_records, diag);
}

int verb_feed_build(const struct ctl *ctl)
{
        struct diag diag = {0};
        int r = build(ctl, &diag);

        return r < 0 ? ctl_fail(&diag, r) : EXIT_DONE;
}

/* ---- check ---- */

static int print_counts(const struct ctl *ctl, const struct osv_release *release,
                        const struct advisories *advisories, const struct osv_stats *stats)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;
        const struct {
                const char *name, *label;
                size_t n;
        } counts[] = {
            {"records", "records", stats->n_records},
            {"withdrawn", "withdrawn", stats->n_withdrawn},
            {"elsewhere", "about other releases, or not fixed", stats->n_elsewhere},
            {"bad_vectors", "CVSS vectors that are none", stats->n_bad_vectors},
            {"advisories", "advisories and CVEs of this release", advisories->n_items},
            {"fixes", "fixed versions of packages", advisories->n_fixes},
        };

        if (!ctl->json) {
                printf("%s for %s %s\n", ctl->arguments.items[0], release->os_id, release->version);
                for (size_t i = 0; i < ELEMENTSOF(counts); i++)
                        printf("%9zu %s\n", counts[i].n, counts[i].label);
                return 0;
        }
        json_begin_object(writer, NULL);
        for (size_t i = 0; i < ELEMENTSOF(counts); i++)
                json_add_int(writer, counts[i].name, (int64_t)counts[i].n);
        json_end(writer);
        if (json_writer_finish(writer, true, &text) < 0)
                return -ENOMEM;
        (void)fputs(text, stdout);
        return 0;
}

static int check(const struct ctl *ctl, struct diag *diag)
{
        CLEANUP(advisory_builder_freep) struct advisory_builder *builder = advisory_builder_new();
        CLEANUP(advisories_freep) struct advisories *advisories = NULL;
        struct osv_release release;
        struct osv_stats stats = {0};
        CLEANUP(closep) int fd = -EBADF;
        int r = find_release(ctl, &release, diag);

        if (r >= 0)
                r = open_export(ctl->arguments.items[0], &fd, diag);
        if (r < 0)
                return r;
        r = builder ? osv_feed_read(fd, &release, builder, &stats, diag) : -ENOMEM;
        if (r >= 0)
                r = advisory_builder_finish(builder, &advisories);
        if (r < 0) {
                diag_prefix(diag, "%s", ctl->arguments.items[0]);
                return r;
        }
        return print_counts(ctl, &release, advisories, &stats);
}

int verb_feed_check(const struct ctl *ctl)
{
        struct diag diag = {0};
        int r = check(ctl, &diag);

        return r < 0 ? ctl_fail(&diag, r) : EXIT_DONE;
}
