/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One record of the Open Source Vulnerability format (OSV schema 1.x) to an advisory of one
 * release. Taken as distributions really write it; what each of them does is in osv.c. Kept: CVEs,
 * and for each package of the release the versions that fix it. Not kept: Ubuntu's list of binary
 * packages, since packages are joined by their source.
 */

#include "packages/advisory_builder.h"
#include "packages/osv_release.h"

enum {
        OSV_RECORD_MAX_BYTES = 8 * 1024 * 1024,
        OSV_AFFECTED_MAX = 100 * 1000,
        OSV_EVENTS_MAX = 10 * 1000,
};

/* What became of the records read so far. */
struct osv_stats {
        size_t n_records;
        size_t n_withdrawn;
        size_t n_elsewhere;     /* about other releases only, or nothing fixed yet */
        size_t n_bad_vectors;   /* CVSS vectors that are none; their severity is left out */
        struct diag bad_vector; /* the first of them, and its record */
};

/*
 * Reads one record and adds what it says of the release to builder. A record that was withdrawn or
 * is about other releases adds nothing. Returns -EINVAL, -E2BIG, -EEXIST with the record's id in
 * the sentence when it has one, -ENOMEM.
 */
int osv_read_record(const char *text, size_t size, const struct osv_release *release,
                    struct advisory_builder *builder, struct osv_stats *stats,
                    struct diag *diag) MUST_CHECK;
