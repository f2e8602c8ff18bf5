/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/advisory.h"

#include "packages/advisory-private.h"

#include <endian.h>
#include <string.h>

void advisories_free(struct advisories *advisories)
{
        if (!advisories)
                return;
        if (advisories->release)
                advisories->release(advisories->bytes, advisories->size);
        free(advisories);
}

/* ---- opening ---- */

static int damaged(struct diag *diag, const char *what)
{
        return diag_fail(diag, -EBADMSG, "the compiled advisories are damaged (%s)", what);
}

static int read_header(const char *bytes, size_t size, struct advisories_header *header,
                       struct diag *diag)
{
        if (size < sizeof(*header))
                return damaged(diag, "they are cut");
        memcpy(header, bytes, sizeof(*header));
        if (memcmp(header->magic, advisories_magic, sizeof(advisories_magic)) != 0)
                return damaged(diag, "they are something else");
        if (le32toh(header->format) != ADVISORIES_FORMAT)
                return diag_fail(diag, -ESTALE, "the compiled advisories have format %u, not %d",
                                 le32toh(header->format), ADVISORIES_FORMAT);
        header->n_packages = le32toh(header->n_packages);
        header->n_items = le32toh(header->n_items);
        header->n_fixes = le32toh(header->n_fixes);
        header->n_cves = le32toh(header->n_cves);
        header->text_size = le32toh(header->text_size);
        if (size > ADVISORIES_MAX_BYTES || size != advisories_layout_of(header).end)
                return damaged(diag, "their size is not what they say");
        if (header->text_size > 0 && bytes[size - 1] != '\0')
                return damaged(diag, "the last string is cut");
        return 0;
}

int advisories_open(const void *bytes, size_t size, struct advisories **ret, struct diag *diag)
{
        const char *begin = bytes;
        struct advisories_header header;
        struct advisories_layout layout;
        struct advisories *advisories;
        int r = read_header(bytes, size, &header, diag);

        if (r < 0)
                return r;
        advisories = calloc(1, sizeof(*advisories));
        if (!advisories)
                return -ENOMEM;
        layout = advisories_layout_of(&header);
        *advisories = (struct advisories){
            .bytes = begin,
            .size = size,
            .n_packages = header.n_packages,
            .n_items = header.n_items,
            .n_fixes = header.n_fixes,
            .n_cves = header.n_cves,
            .packages = begin + layout.packages,
            .items = begin + layout.items,
            .fixes = begin + layout.fixes,
            .cves = begin + layout.cves,
            .text = begin + layout.text,
            .text_size = header.text_size,
        };
        *ret = advisories;
        return 0;
}

bool advisories_are_same(const struct advisories *a, const struct advisories *b)
{
        return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* ---- looking things up: whatever the bytes are, nothing outside of them is read ---- */

static const char *text_at(const struct advisories *advisories, uint32_t place)
{
        place = le32toh(place);
        return place < advisories->text_size ? advisories->text + place : NULL;
}

static struct stored_package package_at(const struct advisories *advisories, size_t index)
{
        struct stored_package package;

        memcpy(&package, advisories->packages + index * sizeof(package), sizeof(package));
        return package;
}

/* The fixes of a package; none when the bytes name some that are not there. */
static size_t fixes_of(const struct advisories *advisories, const struct stored_package *package,
                       size_t *ret_first)
{
        size_t first = le32toh(package->first_fix), n = le32toh(package->n_fixes);

        if (first > advisories->n_fixes || n > advisories->n_fixes - first)
                first = n = 0;
        *ret_first = first;
        return n;
}

size_t advisories_find(const struct advisories *advisories, const char *package, size_t *ret_first)
{
        size_t low = 0, high = advisories ? advisories->n_packages : 0;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                struct stored_package found = package_at(advisories, middle);
                const char *name = text_at(advisories, found.name);
                int order = name ? strcmp(name, package) : 1;

                if (order == 0)
                        return fixes_of(advisories, &found, ret_first);
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret_first = 0;
        return 0;
}

const char *advisories_get_package(const struct advisories *advisories, size_t package,
                                   size_t *ret_first, size_t *ret_n)
{
        struct stored_package stored;

        if (package >= advisories->n_packages)
                return NULL;
        stored = package_at(advisories, package);
        *ret_n = fixes_of(advisories, &stored, ret_first);
        return text_at(advisories, stored.name);
}

bool advisories_get_fix(const struct advisories *advisories, size_t fix, struct advisory_fix *ret)
{
        struct stored_fix stored;
        uint32_t item_and_after;

        if (fix >= advisories->n_fixes)
                return false;
        memcpy(&stored, advisories->fixes + fix * sizeof(stored), sizeof(stored));
        item_and_after = le32toh(stored.item_and_after);
        *ret = (struct advisory_fix){.introduced = text_at(advisories, stored.introduced),
                                     .fixed = text_at(advisories, stored.fixed),
                                     .is_after = item_and_after & 1,
                                     .advisory = item_and_after / 2};
        return ret->fixed && (ret->introduced || stored.introduced == ADVISORIES_NO_PLACE);
}

bool advisories_get(const struct advisories *advisories, size_t advisory, struct advisory *ret)
{
        struct stored_advisory stored;

        if (advisory >= advisories->n_items)
                return false;
        memcpy(&stored, advisories->items + advisory * sizeof(stored), sizeof(stored));
        *ret = (struct advisory){.id = text_at(advisories, stored.id),
                                 .classification = stored.classification,
                                 .severity = stored.severity,
                                 .is_cve = stored.flags & STORED_IS_CVE,
                                 .is_whole_days = stored.flags & STORED_IS_WHOLE_DAYS,
                                 .published = (time_t)le64toh((uint64_t)stored.published),
                                 .first_cve = le32toh(stored.first_cve),
                                 .n_cves = le32toh(stored.n_cves)};
        return ret->id && stored.classification < N_CLASSIFICATIONS &&
               stored.severity < N_SEVERITIES && ret->first_cve <= advisories->n_cves &&
               ret->n_cves <= advisories->n_cves - ret->first_cve;
}

const char *advisories_get_cve(const struct advisories *advisories, size_t cve)
{
        uint32_t place;

        if (cve >= advisories->n_cves)
                return NULL;
        memcpy(&place, advisories->cves + cve * sizeof(place), sizeof(place));
        return text_at(advisories, place);
}
