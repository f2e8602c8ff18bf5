/* SPDX-License-Identifier: Apache-2.0 */
#include "host/osv_feed.h"

#include "base/str.h"
#include "host/archive.h"
#include "packages/osv_stream.h"

struct iteration {
        struct osv_stream stream;
        osv_feed_record_fn record;
        void *arg;
        size_t n_records; /* of all files */
};

static void iteration_done(struct iteration *iteration)
{
        osv_stream_done(&iteration->stream);
}

static int give_record(const char *text, size_t size, void *arg, struct diag *diag)
{
        struct iteration *iteration = arg;

        iteration->n_records++;
        return iteration->record(text, size, iteration->arg, diag);
}

static int begin_file(const char *label, void *arg, struct diag *diag)
{
        struct iteration *iteration = arg;

        (void)diag;
        osv_stream_begin(&iteration->stream);
        return !label || str_has_suffix(label, ".json") || str_has_suffix(label, ".jsonl");
}

static int add_bytes(const char *bytes, size_t size, void *arg, struct diag *diag)
{
        struct iteration *iteration = arg;

        return osv_stream_add(&iteration->stream, bytes, size, diag);
}

static int end_file(void *arg, struct diag *diag)
{
        struct iteration *iteration = arg;

        return osv_stream_end(&iteration->stream, diag);
}

int osv_feed_each(int fd, osv_feed_record_fn record, void *arg, struct diag *diag)
{
        static const struct archive_limits limits = {.max_files = OSV_FEED_MAX_FILES,
                                                     .max_bytes = OSV_FEED_MAX_BYTES};
        struct iteration iteration CLEANUP(iteration_done) = {.record = record, .arg = arg};
        struct archive_visitor visitor = {
            .begin = begin_file, .bytes = add_bytes, .end = end_file, .arg = &iteration};
        int r;

        iteration.stream = (struct osv_stream){
            .record = give_record, .arg = &iteration, .max_record_bytes = OSV_RECORD_MAX_BYTES};
        r = archive_read_files(fd, &limits, &visitor, diag);
        if (r >= 0 && iteration.n_records == 0)
                return diag_fail(diag, -ENODATA, "the feed has no OSV record (*.json) in it");
        return r;
}

/* ---- into advisories ---- */

struct reading {
        const struct osv_release *release;
        struct advisory_builder *builder;
        struct osv_stats *stats;
};

static int read_record(const char *text, size_t size, void *arg, struct diag *diag)
{
        struct reading *reading = arg;

        return osv_read_record(text, size, reading->release, reading->builder, reading->stats,
                               diag);
}

int osv_feed_read(int fd, const struct osv_release *release, struct advisory_builder *builder,
                  struct osv_stats *stats, struct diag *diag)
{
        struct reading reading = {.release = release, .builder = builder, .stats = stats};

        return osv_feed_each(fd, read_record, &reading, diag);
}
