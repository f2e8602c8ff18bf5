/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The bytes of struct advisories, shared by their reader and their maker. Numbers are
 * little-endian:
 *     header | packages | advisories | fixes | CVEs (places) | text
 * A place is an offset in text, where a NUL ends each string; the last byte of text is a NUL. The
 * names of packages stand first in it, since they are what is searched.
 */

#include "packages/advisory.h"

enum { ADVISORIES_FORMAT = 1 };

static const char advisories_magic[8] = {'p', 'a', 't', 'c', 'h', 'd', 'A', 'D'};

#define ADVISORIES_NO_PLACE UINT32_MAX

struct advisories_header {
        char magic[8];
        uint32_t format;
        uint32_t n_packages, n_items, n_fixes, n_cves, text_size;
};

struct stored_package {
        uint32_t name, first_fix, n_fixes;
};

struct stored_advisory {
        uint32_t id, first_cve, n_cves;
        uint8_t classification, severity, flags, zero;
        int64_t published;
};
enum { STORED_IS_CVE = 1, STORED_IS_WHOLE_DAYS = 2 };

struct stored_fix {
        uint32_t introduced, fixed;
        uint32_t item_and_after; /* item * 2 + is_after */
};

_Static_assert(sizeof(struct advisories_header) == 32, "no padding");
_Static_assert(sizeof(struct stored_package) == 12, "no padding");
_Static_assert(sizeof(struct stored_advisory) == 24, "no padding");
_Static_assert(sizeof(struct stored_fix) == 12, "no padding");

/* Where each part begins, and where the last ends; 64 bits hold any sum. */
struct advisories_layout {
        uint64_t packages, items, fixes, cves, text, end;
};

static inline struct advisories_layout advisories_layout_of(const struct advisories_header *header)
{
        struct advisories_layout layout = {.packages = sizeof(*header)};

        layout.items =
            layout.packages + (uint64_t)header->n_packages * sizeof(struct stored_package);
        layout.fixes = layout.items + (uint64_t)header->n_items * sizeof(struct stored_advisory);
        layout.cves = layout.fixes + (uint64_t)header->n_fixes * sizeof(struct stored_fix);
        layout.text = layout.cves + (uint64_t)header->n_cves * sizeof(uint32_t);
        layout.end = layout.text + header->text_size;
        return layout;
}
