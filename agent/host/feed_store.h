/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The feeds that one program keeps for itself: the cycle below /var/lib/patchd, the root helper
 * below /var/lib/patchd-apply. Nobody else writes there. KEY is the hash of a feed's id, SUM the
 * start of a file's; nothing in a name comes from outside:
 *     KEY.manifest    the manifest that counts, as it came; written last, so it makes a feed new
 *     KEY.json        {id, version, digest}: the highest version used
 *     KEY-SUM.feed    an own copy of the file, checked
 *     KEY-SUM.cache   the same, compiled for this system
 *     KEY.bad         why a file that is the announced one can't be read, so that it is not
 *                     fetched again and again
 *     KEY.part        a copy on its way in
 * What fails leaves the last good feed as it was.
 */

#include "base/digest.h"
#include "packages/advisory.h"
#include "policy/assignment.h"
#include "policy/manifest.h"

struct feed_place {
        const char *folder; /* absolute; made when missing, its parent is not */
        bool is_foreign;    /* somebody less trusted writes there: its files are not mapped */
};

/* ---- names ---- */

/* KEY of a feed. Returns -ENOMEM. */
int feed_key(const char *id, char ret[static SHA256_TEXT_SIZE]) MUST_CHECK;

/* ---- manifests ---- */

/* The stored manifest of a feed as it came. -ENOENT: none. */
int feed_store_read_manifest(const struct feed_place *place, const char *id, struct blob *ret,
                             struct diag *diag) MUST_CHECK;

/*
 * Opens bytes against what is stored of the feed's versions. A damaged KEY.json is an error and not
 * "none yet": else damage would allow a rollback. Errors as manifest_open(), and those of reading.
 */
int feed_store_open_manifest(const struct feed_place *place, const struct feed *feed,
                             const struct blob *bytes, time_t now, bool ignore_times,
                             struct manifest **ret, enum refusal *ret_refusal,
                             struct diag *diag) MUST_CHECK;

/* Makes an opened manifest the one that counts; envelope NULL: it is stored already. On disk when
 * it returns 0, else as before. Does nothing for a pinned feed. */
int feed_store_use_manifest(const struct feed_place *place, const struct manifest *manifest,
                            const struct blob *envelope, struct diag *diag) MUST_CHECK;

/* ---- files ---- */

/* Whether there is a copy of the manifest's file (checked when it was taken in). */
bool feed_store_has_file(const struct feed_place *place, const struct manifest *manifest);

/* Opens the copy in a place, maybe another program's: a regular file behind no symbolic link, and
 * nothing more is promised. Returns the descriptor, -ENOENT, -EINVAL, ... with a sentence. */
int feed_store_open_file(const struct feed_place *place, const struct manifest *manifest,
                         struct diag *diag) MUST_CHECK;

/* A file on its way in; its bytes are counted and hashed as they come. */
struct feed_incoming {
        struct feed_place place;
        const struct manifest *manifest; /* borrowed, as is: */
        const struct node *node;         /* whose system it is compiled for */
        int fd;
        char *path; /* NULL: the caller's file */
        struct digest *digest;
        int64_t size_bytes;
};

/* -EBADMSG with what was wrong with it, when this very file could not be read before. */
int feed_incoming_begin(const struct feed_place *place, const struct manifest *manifest,
                        const struct node *node, struct feed_incoming *ret,
                        struct diag *diag) MUST_CHECK;

/* The same into any file that the caller keeps. -ENOMEM. */
int feed_incoming_begin_at(int fd, const struct manifest *manifest,
                           struct feed_incoming *ret) MUST_CHECK;

/* Takes the next bytes; arg is the struct feed_incoming. -EFBIG beyond the manifest's size. */
int feed_incoming_write(const char *bytes, size_t size, void *arg, struct diag *diag) MUST_CHECK;

/* Takes all that is left in fd. */
int feed_incoming_copy(struct feed_incoming *incoming, int fd, struct diag *diag) MUST_CHECK;

/* Checks size and digest: -EBADMSG when it is another file. Once only. */
int feed_incoming_check(struct feed_incoming *incoming, struct diag *diag) MUST_CHECK;

/* Checks it, compiles for the node's system and puts copy and cache in their places.
 * Returns -EBADMSG when it is another file, -EINVAL when it is no feed. */
int feed_incoming_finish(struct feed_incoming *incoming, struct diag *diag) MUST_CHECK;
void feed_incoming_done(struct feed_incoming *incoming);

/*
 * What a feed's file says for the node's system: from the cache, else compiled again from the copy
 * (whose digest is checked again). is_own: the place is the caller's, so that a new cache is
 * written (what can't be written is no error) and a spoilt copy removed. -ENOENT: there is neither.
 */
int feed_store_load(const struct feed_place *place, const struct manifest *manifest,
                    const struct node *node, bool keep, struct advisories **ret,
                    struct diag *diag) MUST_CHECK;

/* What a place has to keep of a feed. */
struct feed_needed {
        const char *id;
        const char *sha256; /* of its file; NULL: whatever is there of it */
};

/* Removes all files but those; versions stay known for ever. */
int feed_store_sweep(const struct feed_place *place, const struct feed_needed *needed,
                     size_t n_needed, struct diag *diag) MUST_CHECK;
