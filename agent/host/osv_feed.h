/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A feed of OSV records from a file to advisories: a zip or tar of any compression, or JSON (one
 * record, a list, one a line) compressed or not, told by content. In an archive, files named *.json
 * and *.jsonl are read. Its signature and digest are the caller's business.
 */

#include "packages/osv.h"

enum { OSV_FEED_MAX_FILES = 200 * 1000 };
#define OSV_FEED_MAX_BYTES ((uint64_t)1024 * 1024 * 1024) /* decoded */

/* Takes the text of one record; a negative errno ends the reading and is passed on. */
typedef int (*osv_feed_record_fn)(const char *text, size_t size, void *arg, struct diag *diag);

/* Gives each record in the rest of fd. A sentence names the file inside. Returns -EFBIG and -E2BIG
 * beyond the limits, -EBADMSG for broken data, -EINVAL for what are no records, -ENODATA for a feed
 * without any. */
int osv_feed_each(int fd, osv_feed_record_fn record, void *arg, struct diag *diag) MUST_CHECK;

/*
 * Reads the rest of fd and adds what it says of the release to builder; of several feeds one after
 * the other. The first bad record is an error. Errors as above, and those of osv_read_record().
 */
int osv_feed_read(int fd, const struct osv_release *release, struct advisory_builder *builder,
                  struct osv_stats *stats, struct diag *diag) MUST_CHECK;
