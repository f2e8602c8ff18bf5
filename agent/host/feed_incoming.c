/* SPDX-License-Identifier: Apache-2.0 */
/* A feed's file on its way into a place: the feed_incoming part of feed_store.h. */
#include "base/str.h"
#include "host/feed_store-private.h"
#include "host/files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BAD_MAX_BYTES = 4096 };

/* ---- files that were the announced ones, but no feeds ---- */

/* The first line names file, system and program, the second says why. */
static char *bad_head(const struct manifest *manifest, const struct node *node)
{
        return str_format("%s %s:%s %s\n", manifest->sha256, node->os_id, node->os_version,
                          PATCHD_VERSION);
}

static int check_not_bad(const struct feed_incoming *incoming, struct diag *diag)
{
        CLEANUP(freep) char *path = feed_path(&incoming->place, incoming->manifest->id, ".bad");
        CLEANUP(freep) char *head = bad_head(incoming->manifest, incoming->node);
        CLEANUP(blob_done) struct blob text = {0};

        if (!path || !head)
                return -ENOMEM;
        if (files_read(path, BAD_MAX_BYTES, true, &text, NULL) < 0 ||
            !str_has_prefix(text.data, head))
                return 0;
        return diag_fail(diag, -EBADMSG, "%s", text.data + strlen(head));
}

/* Whether it is the file's fault, and not that of this node at this moment. */
static bool is_lasting(int error)
{
        return error != -ENOMEM && error != -EIO && error != -ENOSPC && error != -EDQUOT;
}

static void note_bad(const struct feed_incoming *incoming, const struct diag *why, int error)
{
        CLEANUP(freep) char *path = feed_path(&incoming->place, incoming->manifest->id, ".bad");
        CLEANUP(freep) char *head = bad_head(incoming->manifest, incoming->node);
        CLEANUP(freep) char *text = NULL;

        if (!is_lasting(error) || !path || !head)
                return;
        text = str_format("%s%s", head, diag_text(why, error));
        if (text)
                (void)!files_write_atomic(path, text, strlen(text), 0644, NULL);
}

/* ---- taking in ---- */

int feed_incoming_begin(const struct feed_place *place, const struct manifest *manifest,
                        const struct node *node, struct feed_incoming *ret, struct diag *diag)
{
        CLEANUP(feed_incoming_done)
        struct feed_incoming incoming = {
            .place = *place, .manifest = manifest, .node = node, .fd = -EBADF};
        int r = feed_make_folder(place, diag);

        if (r >= 0)
                r = check_not_bad(&incoming, diag);
        if (r < 0)
                return r;
        incoming.path = feed_path(place, manifest->id, ".part");
        incoming.digest = digest_new();
        if (!incoming.path || !incoming.digest)
                return -ENOMEM;
        (void)unlink(incoming.path); /* of a crash */
        incoming.fd = open(incoming.path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (incoming.fd < 0)
                return diag_fail(diag, -errno, "%s: cannot create: %s", incoming.path,
                                 strerrordesc_np(errno));
        *ret = incoming;
        incoming = (struct feed_incoming){.fd = -EBADF};
        return 0;
}

int feed_incoming_begin_at(int fd, const struct manifest *manifest, struct feed_incoming *ret)
{
        struct digest *digest = digest_new();

        if (!digest)
                return -ENOMEM;
        *ret = (struct feed_incoming){.manifest = manifest, .fd = fd, .digest = digest};
        return 0;
}

void feed_incoming_done(struct feed_incoming *incoming)
{
        if (incoming->path && incoming->fd >= 0) {
                (void)close(incoming->fd);
                (void)unlink(incoming->path);
        }
        free(incoming->path);
        digest_free(incoming->digest);
        *incoming = (struct feed_incoming){.fd = -EBADF};
}

int feed_incoming_write(const char *bytes, size_t size, void *arg, struct diag *diag)
{
        struct feed_incoming *incoming = arg;
        const struct manifest *manifest = incoming->manifest;

        if ((int64_t)size > manifest->size_bytes - incoming->size_bytes)
                return diag_fail(diag, -EFBIG,
                                 "%s is larger than the %" PRId64 " bytes that were announced",
                                 manifest->url, manifest->size_bytes);
        incoming->size_bytes += (int64_t)size;
        if (digest_add(incoming->digest, bytes, size) < 0)
                return -ENOMEM;
        while (size > 0) {
                ssize_t n = write(incoming->fd, bytes, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return diag_fail(diag, -errno, "%s: cannot write: %s",
                                         incoming->path ?: manifest->url, strerrordesc_np(errno));
                bytes += n;
                size -= (size_t)n;
        }
        return 0;
}

int feed_incoming_copy(struct feed_incoming *incoming, int fd, struct diag *diag)
{
        char block[COPY_BLOCK_BYTES];

        for (;;) {
                ssize_t n = read(fd, block, sizeof(block));
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return diag_fail(diag, -errno, "%s: cannot read: %s",
                                         incoming->manifest->url, strerrordesc_np(errno));
                if (n == 0)
                        return 0;
                r = feed_incoming_write(block, (size_t)n, incoming, diag);
                if (r < 0)
                        return r;
        }
}

int feed_incoming_check(struct feed_incoming *incoming, struct diag *diag)
{
        return feed_check_file(incoming->manifest, incoming->size_bytes, incoming->digest, diag);
}

int feed_incoming_finish(struct feed_incoming *incoming, struct diag *diag)
{
        const struct manifest *manifest = incoming->manifest;
        CLEANUP(advisories_freep) struct advisories *advisories = NULL;
        CLEANUP(freep) char *path = feed_file_path(&incoming->place, manifest, ".feed");
        int r;

        if (!path)
                return -ENOMEM;
        r = feed_incoming_check(incoming, diag);
        if (r < 0)
                return r;
        r = feed_compile_file(incoming->fd, manifest, incoming->node, &advisories, diag);
        if (r < 0) {
                note_bad(incoming, diag, r);
                return r;
        }
        r = feed_write_cache(&incoming->place, manifest, advisories, incoming->node, diag);
        if (r < 0)
                return r;
        /* What follows names the file, so it has to be on disk first. */
        if (fsync(incoming->fd) < 0 || rename(incoming->path, path) < 0)
                return diag_fail(diag, -errno, "%s: cannot write: %s", path,
                                 strerrordesc_np(errno));
        (void)close(incoming->fd);
        incoming->fd = -EBADF;
        return 0;
}
