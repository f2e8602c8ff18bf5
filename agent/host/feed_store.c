/* SPDX-License-Identifier: Apache-2.0 */
#include "host/feed_store-private.h"

#include "base/json.h"
#include "base/str.h"
#include "host/feed_compile.h"
#include "host/files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

enum {
        COUNTER_MAX_BYTES = 4096,
        FOLDER_ENTRIES_MAX = 4096,
        SUM_LENGTH = 32, /* of a file's digest in its name */
};

/* ---- names ---- */

int feed_key(const char *id, char ret[static SHA256_TEXT_SIZE])
{
        return digest_of(id, strlen(id), ret);
}

char *feed_path(const struct feed_place *place, const char *id, const char *suffix)
{
        char key[SHA256_TEXT_SIZE];

        return feed_key(id, key) < 0 ? NULL : str_format("%s/%s%s", place->folder, key, suffix);
}

char *feed_file_path(const struct feed_place *place, const struct manifest *manifest,
                     const char *suffix)
{
        CLEANUP(freep) char *tail = str_format("-%.*s%s", SUM_LENGTH, manifest->sha256, suffix);

        return tail ? feed_path(place, manifest->id, tail) : NULL;
}

int feed_make_folder(const struct feed_place *place, struct diag *diag)
{
        struct stat st;

        if (mkdir(place->folder, 0755) < 0 && errno != EEXIST)
                return diag_fail(diag, -errno, "%s: cannot create the folder: %s", place->folder,
                                 strerrordesc_np(errno));
        if (lstat(place->folder, &st) < 0 || !S_ISDIR(st.st_mode))
                return diag_fail(diag, -ENOTDIR, "%s: is not a folder", place->folder);
        return 0;
}

/* The folder may belong to somebody else: nothing in it is followed or waited for. Gives the
 * descriptor. */
static int open_entry(const struct feed_place *place, const char *path, struct diag *diag)
{
        CLEANUP(closep)
        int folder = open(place->folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        CLEANUP(closep) int fd = -EBADF;
        struct stat st;

        if (folder < 0)
                return diag_fail(diag, -errno, "%s: cannot open the folder: %s", place->folder,
                                 strerrordesc_np(errno));
        fd = openat(folder, strrchr(path, '/') + 1,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
                return diag_fail(diag, -errno, "%s: cannot open: %s", path,
                                 errno == ELOOP ? "it is a symbolic link" : strerrordesc_np(errno));
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return diag_fail(diag, -EINVAL, "%s: is not a regular file", path);
        return TAKE_FD(fd);
}

/* ---- the highest version used ---- */

struct counter {
        char *id;
        int64_t version;
        char *digest;
};

static void counter_done(struct counter *counter)
{
        free(counter->id);
        free(counter->digest);
        *counter = (struct counter){0};
}

static const struct json_range version_range = {1, INT64_MAX};
static const struct json_field counter_fields[] = {
    {"id", json_read_string, offsetof(struct counter, id), true, NULL},
    {"version", json_read_int, offsetof(struct counter, version), true, &version_range},
    {"digest", json_read_string, offsetof(struct counter, digest), true, NULL},
};

static int parse_counter(const struct blob *text, struct counter *counter, struct diag *diag)
{
        CLEANUP(json_freep) struct json *json = NULL;
        struct json_node node = {0};
        int r = json_parse(text->data, text->size, &json, diag);

        node.value = json;
        return r < 0 ? r
                     : json_read_object(&node, counter_fields, ELEMENTSOF(counter_fields), counter,
                                        diag);
}

/* version 0: none yet. */
static int read_counter(const struct feed_place *place, const char *id, struct counter *ret,
                        struct diag *diag)
{
        CLEANUP(counter_done) struct counter counter = {0};
        CLEANUP(freep) char *path = feed_path(place, id, ".json");
        CLEANUP(blob_done) struct blob text = {0};
        struct diag why = {0};
        int r = path ? files_read(path, COUNTER_MAX_BYTES, true, &text, &why) : -ENOMEM;

        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return diag_fail(diag, r, "%s", diag_text(&why, r));
        r = parse_counter(&text, &counter, &why);
        if (r < 0)
                return diag_fail(diag, r,
                                 "%s is damaged (%s); feed '%s' is not used until an administrator "
                                 "removes that file",
                                 path, diag_text(&why, r), id);
        *ret = counter;
        counter = (struct counter){0};
        return 0;
}

static int write_counter(const struct feed_place *place, const struct manifest *manifest,
                         struct diag *diag)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *path = feed_path(place, manifest->id, ".json");
        CLEANUP(freep) char *text = NULL;
        int r;

        json_begin_object(writer, NULL);
        json_add_string(writer, "id", manifest->id);
        json_add_int(writer, "version", manifest->version);
        json_add_string(writer, "digest", manifest->digest);
        json_end(writer);
        r = json_writer_finish(writer, true, &text);
        if (r < 0 || !path)
                return -ENOMEM;
        return files_write_atomic(path, text, strlen(text), 0644, diag);
}

/* ---- manifests ---- */

int feed_store_read_manifest(const struct feed_place *place, const char *id, struct blob *ret,
                             struct diag *diag)
{
        CLEANUP(freep) char *path = feed_path(place, id, ".manifest");
        CLEANUP(closep) int fd = path ? open_entry(place, path, diag) : -ENOMEM;
        struct diag why = {0};
        int r;

        if (fd < 0)
                return fd;
        r = files_read_fd(fd, MANIFEST_SIZE_MAX_BYTES, ret, &why);
        return r < 0 ? diag_fail(diag, r, "%s: %s", path, diag_text(&why, r)) : 0;
}

int feed_store_open_manifest(const struct feed_place *place, const struct feed *feed,
                             const struct blob *bytes, time_t now, bool ignore_times,
                             struct manifest **ret, enum refusal *ret_refusal, struct diag *diag)
{
        CLEANUP(counter_done) struct counter counter = {0};
        struct manifest_expectation expectation = {
            .feed = feed, .now = now, .ignore_times = ignore_times};
        int r = read_counter(place, feed->id, &counter, diag);

        if (r < 0)
                return r;
        expectation.version = counter.version;
        expectation.digest = counter.digest;
        return manifest_open(bytes, &expectation, ret, ret_refusal, diag);
}

/* The manifest first: after a crash between the two, a newer one meets an older counter and
 * passes. */
int feed_store_use_manifest(const struct feed_place *place, const struct manifest *manifest,
                            const struct blob *envelope, struct diag *diag)
{
        CLEANUP(counter_done) struct counter counter = {0};
        CLEANUP(freep) char *path = feed_path(place, manifest->id, ".manifest");
        int r;

        if (manifest->version == 0)
                return 0;
        if (!path)
                return -ENOMEM;
        r = feed_make_folder(place, diag);
        if (r >= 0 && envelope)
                r = files_write_atomic(path, envelope->data, envelope->size, 0644, diag);
        if (r >= 0)
                r = read_counter(place, manifest->id, &counter, diag);
        if (r < 0)
                return r;
        if (counter.version == manifest->version && str_equal(counter.digest, manifest->digest))
                return 0;
        return write_counter(place, manifest, diag);
}

/* ---- files ---- */

bool feed_store_has_file(const struct feed_place *place, const struct manifest *manifest)
{
        CLEANUP(freep) char *path = feed_file_path(place, manifest, ".feed");
        struct stat st;

        return path && lstat(path, &st) >= 0 && S_ISREG(st.st_mode) &&
               st.st_size == manifest->size_bytes;
}

int feed_store_open_file(const struct feed_place *place, const struct manifest *manifest,
                         struct diag *diag)
{
        CLEANUP(freep) char *path = feed_file_path(place, manifest, ".feed");

        return path ? open_entry(place, path, diag) : -ENOMEM;
}

int feed_check_file(const struct manifest *manifest, int64_t size_bytes, struct digest *digest,
                    struct diag *diag)
{
        char sha256[SHA256_TEXT_SIZE];
        int r = digest_finish(digest, sha256);

        if (r < 0)
                return r;
        if (size_bytes != manifest->size_bytes)
                return diag_fail(diag, -EBADMSG,
                                 "%s has %" PRId64 " bytes, but %" PRId64 " were announced",
                                 manifest->url, size_bytes, manifest->size_bytes);
        if (strcmp(sha256, manifest->sha256) != 0)
                return diag_fail(diag, -EBADMSG,
                                 "%s is another file than announced (SHA-256 %.12s..., announced "
                                 "%.12s...)",
                                 manifest->url, sha256, manifest->sha256);
        return 0;
}

int feed_write_cache(const struct feed_place *place, const struct manifest *manifest,
                     const struct advisories *advisories, const struct node *node,
                     struct diag *diag)
{
        CLEANUP(freep) char *path = feed_file_path(place, manifest, ".cache");

        return path ? feed_cache_write(path, advisories, manifest->sha256, node, diag) : -ENOMEM;
}

int feed_compile_file(int fd, const struct manifest *manifest, const struct node *node,
                      struct advisories **ret, struct diag *diag)
{
        struct diag why = {0};
        int r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : feed_compile(fd, node, ret, &why);

        if (r < 0)
                return r == -ENOMEM
                           ? r
                           : diag_fail(diag, r, "%s: %s", manifest->url, diag_text(&why, r));
        return 0;
}

/* ---- loading ---- */

/* An own copy that the disk has spoilt must not be believed. */
static int check_copy(int fd, const struct manifest *manifest, struct diag *diag)
{
        CLEANUP(digest_freep) struct digest *digest = digest_new();
        char block[COPY_BLOCK_BYTES];
        int64_t size_bytes = 0;
        ssize_t n;

        if (!digest)
                return -ENOMEM;
        while ((n = read(fd, block, sizeof(block))) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return diag_fail(diag, -errno, "the copy of %s: cannot read: %s",
                                         manifest->url, strerrordesc_np(errno));
                size_bytes += n;
                if (digest_add(digest, block, (size_t)n) < 0)
                        return -ENOMEM;
        }
        return feed_check_file(manifest, size_bytes, digest, diag);
}

/* So that it is taken in anew. */
static void drop_copy(const struct feed_place *place, const struct manifest *manifest)
{
        CLEANUP(freep) char *path = feed_file_path(place, manifest, ".feed");

        if (path)
                (void)unlink(path);
}

static int load_copy(const struct feed_place *place, const struct manifest *manifest,
                     const struct node *node, bool keep, struct advisories **ret, struct diag *diag)
{
        CLEANUP(advisories_freep) struct advisories *advisories = NULL;
        CLEANUP(closep) int fd = feed_store_open_file(place, manifest, diag);
        int r;

        if (fd < 0)
                return fd;
        r = check_copy(fd, manifest, diag);
        if (r == -EBADMSG && keep)
                drop_copy(place, manifest);
        if (r >= 0)
                r = feed_compile_file(fd, manifest, node, &advisories, diag);
        if (r >= 0 && keep && feed_write_cache(place, manifest, advisories, node, NULL) == -ENOMEM)
                r = -ENOMEM;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(advisories);
        return 0;
}

int feed_store_load(const struct feed_place *place, const struct manifest *manifest,
                    const struct node *node, bool keep, struct advisories **ret, struct diag *diag)
{
        CLEANUP(freep) char *path = feed_file_path(place, manifest, ".cache");
        int r = path ? feed_cache_read(path, manifest->sha256, node, !place->is_foreign, ret, NULL)
                     : -ENOMEM;

        if (r == 0 || r == -ENOMEM)
                return r;
        return load_copy(place, manifest, node, keep, ret, diag);
}

/* ---- what is no longer needed ---- */

/* Whether name is KEY.something, or KEY-SUM.something of the needed file. */
static bool is_of(const char *name, const struct feed_needed *needed)
{
        char key[SHA256_TEXT_SIZE];
        size_t length = sizeof(key) - 1;

        if (feed_key(needed->id, key) < 0 || strncmp(name, key, length) != 0)
                return false;
        return name[length] != '-' || !needed->sha256 ||
               strncmp(name + length + 1, needed->sha256, SUM_LENGTH) == 0;
}

static bool is_needed(const char *name, const struct feed_needed *needed, size_t n_needed)
{
        if (str_has_suffix(name, ".json"))
                return true;
        if (str_has_suffix(name, ".part")) /* of a crash */
                return false;
        for (size_t i = 0; i < n_needed; i++)
                if (is_of(name, &needed[i]))
                        return true;
        return false;
}

int feed_store_sweep(const struct feed_place *place, const struct feed_needed *needed,
                     size_t n_needed, struct diag *diag)
{
        CLEANUP(strv_done) struct strv names = {0};
        int r = files_list(place->folder, NULL, FOLDER_ENTRIES_MAX, &names, diag);

        for (size_t i = 0; r >= 0 && i < names.n_items; i++) {
                CLEANUP(freep) char *path = str_format("%s/%s", place->folder, names.items[i]);

                if (!is_needed(names.items[i], needed, n_needed))
                        r = path ? files_remove(path, diag) : -ENOMEM;
        }
        return r;
}
