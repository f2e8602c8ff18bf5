/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Security advisories as far as judging needs them: which version of which package fixes what, how
 * severe it is and when it was published. One run of bytes, made by advisory_builder.c from feeds
 * and kept in a file as it is: nothing is copied or unpacked, so that 60,000 records are at hand in
 * milliseconds and only what is looked at is in memory. Read only.
 *
 * A record of a mere CVE says how severe it is and what fixes it, beside the advisory that says the
 * same of the same version: both are fixes, so a version carries the higher of their severities.
 */

#include "base/cleanup.h"
#include "base/diag.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { ADVISORIES_MAX_BYTES = 512 * 1024 * 1024 };

struct advisory {
        const char *id; /* "DSA-6000-1" */
        enum classification classification;
        enum severity severity;
        bool is_cve;        /* a record of one CVE, no advisory: severity, no date, no name */
        bool is_whole_days; /* published at midnight UTC: a date, not an instant */
        time_t published;   /* 0: unknown, and for records whose date is no release date */
        size_t first_cve, n_cves;
};

/* One fix: what is older than `fixed`, and not older than `introduced`, needs it. */
struct advisory_fix {
        const char *introduced; /* NULL: every version from the first */
        const char *fixed;
        bool is_after;     /* `fixed` is the last version affected: fixed by whatever is newer */
        uint32_t advisory; /* its number; the builder sets it */
};

/* Strings live as long as the bytes. */
struct advisories {
        const char *bytes;
        size_t size;
        void (*release)(const void *bytes, size_t size); /* NULL: the bytes are somebody else's */
        size_t n_packages, n_items, n_fixes, n_cves;
        const char *packages, *items, *fixes, *cves, *text; /* inside bytes */
        size_t text_size;
};

/* Takes bytes that were made before; they have to outlive ret, unless ret->release is set then.
 * Returns -ESTALE for another format, -EBADMSG for bytes that can't be it, -ENOMEM. */
int advisories_open(const void *bytes, size_t size, struct advisories **ret,
                    struct diag *diag) MUST_CHECK;
void advisories_free(struct advisories *advisories);
DEFINE_CLEANUP(struct advisories, advisories_free);

/* Whether both were made from records that say the same, in the same order. */
bool advisories_are_same(const struct advisories *a, const struct advisories *b);

/* The fixes of one package (the source on deb, the binary package on rpm): gives how many, and the
 * number of the first. */
size_t advisories_find(const struct advisories *advisories, const char *package, size_t *ret_first);

/* The name of a package by its number, and its fixes as above; NULL: there is none. */
const char *advisories_get_package(const struct advisories *advisories, size_t package,
                                   size_t *ret_first, size_t *ret_n);

/* One of them and what it belongs to. False: there is none, or the bytes make no sense. */
bool advisories_get_fix(const struct advisories *advisories, size_t fix, struct advisory_fix *ret);
bool advisories_get(const struct advisories *advisories, size_t advisory, struct advisory *ret);
const char *advisories_get_cve(const struct advisories *advisories, size_t cve); /* NULL: none */
