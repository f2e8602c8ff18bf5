/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/advisory_cache.h"

#include "base/digest.h"

#include <endian.h>
#include <string.h>

/* header | key | the bytes of struct advisories */
enum { CACHE_FORMAT = 1 };

static const char magic[8] = {'p', 'a', 't', 'c', 'h', 'd', 'A', 'C'};

struct cache_header {
        char magic[8];
        uint32_t format, key_size; /* little-endian */
        char sha256[SHA256_TEXT_SIZE - 1];
};
_Static_assert(sizeof(struct cache_header) == ADVISORY_CACHE_HEADER_BYTES, "no padding");

int advisory_cache_write(const struct advisories *advisories, const char *key, struct blob *ret,
                         struct diag *diag)
{
        CLEANUP(blob_done) struct blob blob = {0};
        size_t key_size = strlen(key);
        struct cache_header header = {.format = htole32(CACHE_FORMAT),
                                      .key_size = htole32((uint32_t)key_size)};
        char sum[SHA256_TEXT_SIZE], *body;
        int r;

        if (key_size > ADVISORY_CACHE_KEY_MAX_BYTES)
                return diag_fail(diag, -E2BIG, "the key of a cache has more than %d bytes",
                                 ADVISORY_CACHE_KEY_MAX_BYTES);
        blob.size = sizeof(header) + key_size + advisories->size;
        blob.data = calloc(1, blob.size + 1);
        if (!blob.data)
                return -ENOMEM;
        body = blob.data + sizeof(header);
        memcpy(body, key, key_size + 1); /* the NUL is overwritten */
        memcpy(body + key_size, advisories->bytes, advisories->size);
        r = digest_of(body, blob.size - sizeof(header), sum);
        if (r < 0)
                return r;
        memcpy(header.magic, magic, sizeof(magic));
        memcpy(header.sha256, sum, sizeof(header.sha256));
        memcpy(blob.data, &header, sizeof(header));
        *ret = blob;
        blob = (struct blob){0};
        return 0;
}

static int damaged(struct diag *diag, const char *what)
{
        return diag_fail(diag, -EBADMSG, "the advisory cache is damaged (%s)", what);
}

/* Gives how many bytes stand before those of struct advisories. */
static int check(const char *bytes, size_t size, const char *key, const char *sha256,
                 size_t *ret_before, struct diag *diag)
{
        struct cache_header header;
        size_t key_size;

        if (size < sizeof(header))
                return damaged(diag, "it is cut");
        memcpy(&header, bytes, sizeof(header));
        if (memcmp(header.magic, magic, sizeof(magic)) != 0)
                return damaged(diag, "it is something else");
        if (le32toh(header.format) != CACHE_FORMAT)
                return diag_fail(diag, -ESTALE, "the advisory cache has format %u, not %d",
                                 le32toh(header.format), CACHE_FORMAT);
        if (memcmp(sha256, header.sha256, sizeof(header.sha256)) != 0)
                return damaged(diag, "its checksum is wrong");
        key_size = le32toh(header.key_size);
        if (key_size > size - sizeof(header))
                return damaged(diag, "its key is cut");
        if (strlen(key) != key_size || memcmp(bytes + sizeof(header), key, key_size) != 0)
                return diag_fail(diag, -ESTALE, "the advisory cache was made from other feeds");
        *ret_before = sizeof(header) + key_size;
        return 0;
}

int advisory_cache_open(const void *bytes, size_t size, const char *key, const char *sha256,
                        struct advisories **ret, struct diag *diag)
{
        size_t n_before = 0;
        int r = check(bytes, size, key, sha256, &n_before, diag);

        return r < 0 ? r
                     : advisories_open((const char *)bytes + n_before, size - n_before, ret, diag);
}

static void release_heap(const void *bytes, size_t size)
{
        (void)size;
        free((void *)bytes);
}

int advisory_cache_read(const void *bytes, size_t size, const char *key, struct advisories **ret,
                        struct diag *diag)
{
        CLEANUP(freep) char *copy = NULL;
        char sum[SHA256_TEXT_SIZE] = "";
        size_t n_before = 0;
        int r = 0;

        if (size > ADVISORY_CACHE_HEADER_BYTES)
                r = digest_of((const char *)bytes + ADVISORY_CACHE_HEADER_BYTES,
                              size - ADVISORY_CACHE_HEADER_BYTES, sum);
        if (r >= 0)
                r = check(bytes, size, key, sum, &n_before, diag);
        if (r < 0)
                return r;
        copy = malloc(size - n_before + 1);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, (const char *)bytes + n_before, size - n_before);
        r = advisories_open(copy, size - n_before, ret, diag);
        if (r < 0)
                return r;
        (*ret)->release = release_heap;
        copy = NULL;
        return 0;
}
