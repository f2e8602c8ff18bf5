/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "packages/osv.h"
#include "packages/osv_stream.h"

#include <string.h>

/* The first byte chooses the release. */
static const struct {
        const char *id, *version;
} releases[] = {{"debian", "12"}, {"ubuntu", "22.04"}, {"almalinux", "9"}, {"rhel", "9"}};

struct reading {
        struct osv_release release;
        struct advisory_builder *builder;
        struct osv_stats stats;
};

static int read_record(const char *text, size_t size, void *arg, struct diag *diag)
{
        struct reading *reading = arg;

        return osv_read_record(text, size, &reading->release, reading->builder, &reading->stats,
                               diag);
}

/* In pieces of 7 bytes, so that every state of the stream is left in the middle. */
static int read_all(struct osv_stream *stream, const char *text, size_t size, struct diag *diag)
{
        osv_stream_begin(stream);
        for (size_t at = 0; at < size; at += 7) {
                int r = osv_stream_add(stream, text + at, size - at < 7 ? size - at : 7, diag);

                if (r < 0)
                        return r;
        }
        return osv_stream_end(stream, diag);
}

static void check_all(const struct advisories *advisories)
{
        size_t n_fixes = 0;

        for (size_t package = 0; package < advisories->n_packages; package++) {
                size_t first = 0, found = 0, n = 0;
                const char *name = advisories_get_package(advisories, package, &first, &n);

                fuzz_check(name && advisories_find(advisories, name, &found) == n);
                fuzz_check(found == first && first == n_fixes);
                n_fixes += n;
        }
        fuzz_check(n_fixes == advisories->n_fixes);
        for (size_t i = 0; i < n_fixes; i++) {
                struct advisory_fix fix;
                struct advisory advisory;

                fuzz_check(advisories_get_fix(advisories, i, &fix) && fix.fixed[0] != '\0');
                fuzz_check(advisories_get(advisories, fix.advisory, &advisory));
                fuzz_check(advisory.published >= 0);
                for (size_t j = 0; j < advisory.n_cves; j++)
                        fuzz_check(advisories_get_cve(advisories, advisory.first_cve + j) != NULL);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(advisory_builder_freep) struct advisory_builder *builder = advisory_builder_new();
        CLEANUP(advisories_freep) struct advisories *advisories = NULL;
        struct reading reading = {.builder = builder};
        struct osv_stream stream = {
            .record = read_record, .arg = &reading, .max_record_bytes = OSV_RECORD_MAX_BYTES};
        size_t n = sizeof(releases) / sizeof(releases[0]);
        size_t chosen = size > 0 ? data[0] % n : 0;
        struct diag diag = {0};
        int r;

        fuzz_check(osv_release_for(releases[chosen].id, releases[chosen].version, false,
                                   &reading.release, &diag) == 0);
        r = size > 0 ? read_all(&stream, (const char *)data + 1, size - 1, &diag) : 0;
        osv_stream_done(&stream);
        fuzz_check((r < 0) == (diag.text[0] != '\0'));
        if (r < 0)
                return 0;
        fuzz_check(advisory_builder_finish(builder, &advisories) == 0);
        check_all(advisories);
        return 0;
}
