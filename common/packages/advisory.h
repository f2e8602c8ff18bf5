/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Security advisories as far as judging needs them: which version of which package fixes what, how
 * severe it is and when it was published. Made from feeds by advisory_builder.c or from a cache;
 * read only. Every pointer inside belongs to struct advisories.
 *
 * A record of a mere CVE says how severe it is and what fixes it, beside the advisory that says the
 * same of the same version: both are fixes, so a version carries the higher of their severities.
 */

#include "base/cleanup.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct advisory {
        const char *id; /* "DSA-6000-1" */
        const char **cves;
        size_t n_cves;
        enum classification classification;
        enum severity severity;
        bool is_cve;        /* a record of one CVE, no advisory: severity, no date, no name */
        bool is_whole_days; /* published at midnight UTC: a date, not an instant */
        time_t published;   /* 0: unknown, and for records whose date is no release date */
};

/* One fix: what is older than `fixed`, and not older than `introduced`, needs it. */
struct advisory_fix {
        const char *package;    /* source package on deb, binary package on rpm */
        const char *introduced; /* NULL: every version from the first */
        const char *fixed;
        bool is_after; /* `fixed` is the last version affected: fixed by whatever is newer */
        const struct advisory *advisory;
};

struct advisories {
        struct advisory *items;
        size_t n_items;
        struct advisory_fix *fixes; /* sorted by package */
        size_t n_fixes;
        const char **cves; /* of all items */
        size_t n_cves;
        char *text; /* every string */
        size_t text_size;
};

void advisories_free(struct advisories *advisories);
DEFINE_CLEANUP(struct advisories, advisories_free);

/* The fixes of one package: gives the first and how many. */
const struct advisory_fix *advisories_find(const struct advisories *advisories, const char *package,
                                           size_t *ret_n);
