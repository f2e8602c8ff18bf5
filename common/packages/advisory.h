/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Security advisories as far as judging needs them: which version of which package fixes what, how
 * severe it is and when it was published. Made from feeds; read only.
 */

#include "base/strv.h"
#include "policy/policy.h"

struct advisory {
        char *id; /* "DSA-6000-1" */
        struct strv cves;
        enum classification classification;
        enum severity severity;
        time_t published; /* 0: unknown, and for mere CVE records, whose date is no release date */
        bool is_whole_days; /* published at midnight UTC: a date, not an instant */
};

/* One fix: the advisory holds for versions of package below fixed. */
struct advisory_fix {
        char *package; /* source package on deb, binary package on rpm */
        char *fixed;
        const struct advisory *advisory;
};

struct advisories {
        struct advisory **items;
        size_t n_items;
        struct advisory_fix *fixes; /* sorted by package */
        size_t n_fixes;
};

void advisories_free(struct advisories *advisories);
DEFINE_CLEANUP(struct advisories, advisories_free);

/* The fixes of one package: gives the first and how many. */
const struct advisory_fix *advisories_find(const struct advisories *advisories, const char *package,
                                           size_t *ret_n);
