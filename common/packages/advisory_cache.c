/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/advisory_cache.h"

#include "base/digest.h"
#include "packages/advisory_builder.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

/*
 * All numbers little-endian:
 *     header | key | items | fixes | CVEs (places in text) | text
 * A place is an offset in text, where a NUL ends each string; the last byte of text is a NUL.
 */

enum { CACHE_VERSION = 1 };

static const char magic[8] = {'p', 'a', 't', 'c', 'h', 'd', 'A', 'C'};

#define NO_PLACE UINT32_MAX

struct cache_header {
        char magic[8];
        uint32_t version, key_size;
        uint32_t n_items, n_fixes, n_cves, text_size;
        char sha256[SHA256_TEXT_SIZE - 1]; /* of all that follows the header */
};

struct cache_item {
        uint32_t id, first_cve, n_cves;
        uint8_t classification, severity, flags, zero;
        int64_t published;
};
enum { ITEM_IS_CVE = 1, ITEM_IS_WHOLE_DAYS = 2, ITEM_FLAGS = 3 };

struct cache_fix {
        uint32_t package, introduced, fixed;
        uint32_t item_and_after; /* item * 2 + is_after */
};

_Static_assert(sizeof(struct cache_header) == 96, "no padding");
_Static_assert(sizeof(struct cache_item) == 24, "no padding");
_Static_assert(sizeof(struct cache_fix) == 16, "no padding");
_Static_assert(ADVISORIES_MAX < UINT32_MAX / 2, "an item and a bit fit");

/* Sizes of the parts, counted once for both directions; 64 bits hold any sum of them. */
static uint64_t body_size(const struct cache_header *header)
{
        return (uint64_t)header->key_size + (uint64_t)header->n_items * sizeof(struct cache_item) +
               (uint64_t)header->n_fixes * sizeof(struct cache_fix) +
               (uint64_t)header->n_cves * sizeof(uint32_t) + header->text_size;
}

/* ---- writing ---- */

static char *put(char *at, const void *bytes, size_t size)
{
        memcpy(at, bytes, size);
        return at + size;
}

static uint32_t place_of(const struct advisories *advisories, const char *text)
{
        return text ? htole32((uint32_t)(text - advisories->text)) : NO_PLACE;
}

static char *put_items(const struct advisories *advisories, char *at)
{
        for (size_t i = 0; i < advisories->n_items; i++) {
                const struct advisory *advisory = &advisories->items[i];
                struct cache_item item = {
                    .id = place_of(advisories, advisory->id),
                    .first_cve = htole32((uint32_t)(advisory->cves - advisories->cves)),
                    .n_cves = htole32((uint32_t)advisory->n_cves),
                    .classification = (uint8_t)advisory->classification,
                    .severity = (uint8_t)advisory->severity,
                    .flags = (uint8_t)((advisory->is_cve ? ITEM_IS_CVE : 0) |
                                       (advisory->is_whole_days ? ITEM_IS_WHOLE_DAYS : 0)),
                    .published = (int64_t)htole64((uint64_t)advisory->published),
                };

                at = put(at, &item, sizeof(item));
        }
        return at;
}

static char *put_fixes(const struct advisories *advisories, char *at)
{
        for (size_t i = 0; i < advisories->n_fixes; i++) {
                const struct advisory_fix *from = &advisories->fixes[i];
                uint32_t item = (uint32_t)(from->advisory - advisories->items);
                struct cache_fix fix = {
                    .package = place_of(advisories, from->package),
                    .introduced = place_of(advisories, from->introduced),
                    .fixed = place_of(advisories, from->fixed),
                    .item_and_after = htole32(item * 2 + (from->is_after ? 1 : 0)),
                };

                at = put(at, &fix, sizeof(fix));
        }
        return at;
}

static char *put_cves(const struct advisories *advisories, char *at)
{
        for (size_t i = 0; i < advisories->n_cves; i++) {
                uint32_t place = place_of(advisories, advisories->cves[i]);

                at = put(at, &place, sizeof(place));
        }
        return at;
}

static int seal(struct cache_header *header, struct blob *blob)
{
        char sum[SHA256_TEXT_SIZE];
        int r = digest_of(blob->data + sizeof(*header), blob->size - sizeof(*header), sum);

        if (r < 0)
                return r;
        memcpy(header->sha256, sum, sizeof(header->sha256));
        header->version = htole32(CACHE_VERSION);
        header->key_size = htole32(header->key_size);
        header->n_items = htole32(header->n_items);
        header->n_fixes = htole32(header->n_fixes);
        header->n_cves = htole32(header->n_cves);
        header->text_size = htole32(header->text_size);
        memcpy(blob->data, header, sizeof(*header));
        return 0;
}

int advisory_cache_write(const struct advisories *advisories, const char *key, struct blob *ret,
                         struct diag *diag)
{
        CLEANUP(blob_done) struct blob blob = {0};
        struct cache_header header = {
            .key_size = (uint32_t)strlen(key),
            .n_items = (uint32_t)advisories->n_items,
            .n_fixes = (uint32_t)advisories->n_fixes,
            .n_cves = (uint32_t)advisories->n_cves,
            .text_size = (uint32_t)advisories->text_size,
        };
        uint64_t size = sizeof(header) + body_size(&header);
        char *at;
        int r;

        if (strlen(key) > ADVISORY_CACHE_KEY_MAX_BYTES || size > ADVISORY_CACHE_MAX_BYTES)
                return diag_fail(diag, -E2BIG, "the advisories do not fit in a cache of %d bytes",
                                 ADVISORY_CACHE_MAX_BYTES);
        blob.data = calloc(1, size + 1);
        if (!blob.data)
                return -ENOMEM;
        blob.size = size;
        memcpy(header.magic, magic, sizeof(magic));
        at = put(blob.data + sizeof(header), key, header.key_size);
        at = put_items(advisories, at);
        at = put_fixes(advisories, at);
        at = put_cves(advisories, at);
        if (advisories->text_size > 0)
                memcpy(at, advisories->text, advisories->text_size);
        r = seal(&header, &blob);
        if (r < 0)
                return r;
        *ret = blob;
        blob = (struct blob){0};
        return 0;
}

/* ---- reading ---- */

struct cache {
        struct cache_header header;
        const char *items, *fixes, *cves, *text; /* inside the bytes; any alignment */
};

static int damaged(struct diag *diag, const char *what)
{
        return diag_fail(diag, -EBADMSG, "the advisory cache is damaged (%s)", what);
}

static int read_header(const char *bytes, size_t size, struct cache_header *header,
                       struct diag *diag)
{
        if (size < sizeof(*header))
                return damaged(diag, "it is cut");
        memcpy(header, bytes, sizeof(*header));
        if (memcmp(header->magic, magic, sizeof(magic)) != 0)
                return damaged(diag, "it is something else");
        if (le32toh(header->version) != CACHE_VERSION)
                return diag_fail(diag, -ESTALE, "the advisory cache has format %u, not %d",
                                 le32toh(header->version), CACHE_VERSION);
        header->key_size = le32toh(header->key_size);
        header->n_items = le32toh(header->n_items);
        header->n_fixes = le32toh(header->n_fixes);
        header->n_cves = le32toh(header->n_cves);
        header->text_size = le32toh(header->text_size);
        if (size > ADVISORY_CACHE_MAX_BYTES || size - sizeof(*header) != body_size(header))
                return damaged(diag, "its size is not what it says");
        return 0;
}

static int open_cache(const char *bytes, size_t size, const char *key, struct cache *cache,
                      struct diag *diag)
{
        struct cache_header *header = &cache->header;
        char sum[SHA256_TEXT_SIZE];
        int r = read_header(bytes, size, header, diag);

        if (r < 0)
                return r;
        r = digest_of(bytes + sizeof(*header), size - sizeof(*header), sum);
        if (r < 0)
                return r;
        if (memcmp(sum, header->sha256, sizeof(header->sha256)) != 0)
                return damaged(diag, "its checksum is wrong");
        bytes += sizeof(*header);
        if (strlen(key) != header->key_size || memcmp(bytes, key, header->key_size) != 0)
                return diag_fail(diag, -ESTALE, "the advisory cache was made from other feeds");
        cache->items = bytes + header->key_size;
        cache->fixes = cache->items + header->n_items * sizeof(struct cache_item);
        cache->cves = cache->fixes + header->n_fixes * sizeof(struct cache_fix);
        cache->text = cache->cves + header->n_cves * sizeof(uint32_t);
        if (header->text_size > 0 && cache->text[header->text_size - 1] != '\0')
                return damaged(diag, "its last string is cut");
        return 0;
}

/* The string at a place; NULL: there is none. */
static const char *text_at(const struct advisories *advisories, uint32_t place)
{
        place = le32toh(place);
        return place < advisories->text_size ? advisories->text + place : NULL;
}

static bool read_cves(const struct cache *cache, struct advisories *advisories)
{
        for (; advisories->n_cves < cache->header.n_cves; advisories->n_cves++) {
                uint32_t place;

                memcpy(&place, cache->cves + advisories->n_cves * sizeof(place), sizeof(place));
                advisories->cves[advisories->n_cves] = text_at(advisories, place);
                if (!advisories->cves[advisories->n_cves])
                        return false;
        }
        return true;
}

static bool read_items(const struct cache *cache, struct advisories *advisories)
{
        for (; advisories->n_items < cache->header.n_items; advisories->n_items++) {
                struct advisory *advisory = &advisories->items[advisories->n_items];
                struct cache_item item;
                uint32_t first;

                memcpy(&item, cache->items + advisories->n_items * sizeof(item), sizeof(item));
                first = le32toh(item.first_cve);
                *advisory = (struct advisory){
                    .id = text_at(advisories, item.id),
                    .n_cves = le32toh(item.n_cves),
                    .classification = item.classification,
                    .severity = item.severity,
                    .is_cve = item.flags & ITEM_IS_CVE,
                    .is_whole_days = item.flags & ITEM_IS_WHOLE_DAYS,
                    .published = (time_t)le64toh((uint64_t)item.published),
                };
                if (!advisory->id || item.classification >= N_CLASSIFICATIONS ||
                    item.severity >= N_SEVERITIES || item.flags > ITEM_FLAGS || item.zero != 0 ||
                    first > advisories->n_cves || advisory->n_cves > advisories->n_cves - first)
                        return false;
                advisory->cves = advisories->cves + first;
        }
        return true;
}

/* Sorted, since they are searched by halves. */
static bool is_in_order(const struct advisory_fix *before, const struct advisory_fix *fix)
{
        return before->package == fix->package || strcmp(before->package, fix->package) <= 0;
}

static bool read_fixes(const struct cache *cache, struct advisories *advisories)
{
        for (; advisories->n_fixes < cache->header.n_fixes; advisories->n_fixes++) {
                struct advisory_fix *fix = &advisories->fixes[advisories->n_fixes];
                struct cache_fix from;
                uint32_t item;

                memcpy(&from, cache->fixes + advisories->n_fixes * sizeof(from), sizeof(from));
                item = le32toh(from.item_and_after) / 2;
                *fix = (struct advisory_fix){
                    .package = text_at(advisories, from.package),
                    .introduced = text_at(advisories, from.introduced),
                    .fixed = text_at(advisories, from.fixed),
                    .is_after = le32toh(from.item_and_after) & 1,
                };
                if (!fix->package || !fix->fixed || item >= advisories->n_items ||
                    (!fix->introduced && from.introduced != NO_PLACE) ||
                    (advisories->n_fixes > 0 && !is_in_order(fix - 1, fix)))
                        return false;
                fix->advisory = &advisories->items[item];
        }
        return true;
}

int advisory_cache_read(const void *bytes, size_t size, const char *key, struct advisories **ret,
                        struct diag *diag)
{
        CLEANUP(advisories_freep) struct advisories *advisories = calloc(1, sizeof(*advisories));
        struct cache cache;
        int r;

        if (!advisories)
                return -ENOMEM;
        r = open_cache(bytes, size, key, &cache, diag);
        if (r < 0)
                return r;
        advisories->items = calloc((size_t)cache.header.n_items + 1, sizeof(*advisories->items));
        advisories->fixes = calloc((size_t)cache.header.n_fixes + 1, sizeof(*advisories->fixes));
        advisories->cves = calloc((size_t)cache.header.n_cves + 1, sizeof(*advisories->cves));
        advisories->text = malloc((size_t)cache.header.text_size + 1);
        if (!advisories->items || !advisories->fixes || !advisories->cves || !advisories->text)
                return -ENOMEM;
        memcpy(advisories->text, cache.text, cache.header.text_size);
        advisories->text_size = cache.header.text_size;
        if (!read_cves(&cache, advisories) || !read_items(&cache, advisories) ||
            !read_fixes(&cache, advisories))
                return damaged(diag, "its parts do not fit together");
        *ret = TAKE_PTR(advisories);
        return 0;
}
