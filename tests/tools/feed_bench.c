/* SPDX-License-Identifier: Apache-2.0 */

/*
 * usage: feed_bench OS_ID OS_VERSION FEED [CACHE]: reads a feed, or with CACHE writes it there and
 * loads it again; prints counts, milliseconds of CPU and the peak of resident memory. For the
 * benchmarks.
 */

#include "host/advisory_file.h"
#include "host/archive.h"
#include "host/osv_feed.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* Of this process's own CPU time, so that a busy machine does not count. */
static double now_msec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compile(const char *const *argv, struct advisories **ret, struct diag *diag)
{
        CLEANUP(advisory_builder_freep) struct advisory_builder *builder = advisory_builder_new();
        CLEANUP(closep) int fd = open(argv[3], O_RDONLY | O_CLOEXEC);
        struct osv_stats stats = {0};
        struct osv_release release;
        int r = osv_release_for(argv[1], argv[2], false, &release, diag);

        if (r < 0)
                return r;
        if (fd < 0 || !builder)
                return diag_fail(diag, -errno, "%s: %s", argv[3], strerrordesc_np(errno));
        r = osv_feed_read(fd, &release, builder, &stats, diag);
        if (r < 0)
                return r;
        printf("records %zu withdrawn %zu elsewhere %zu bad_vectors %zu\n", stats.n_records,
               stats.n_withdrawn, stats.n_elsewhere, stats.n_bad_vectors);
        return advisory_builder_finish(builder, ret);
}

static int run(int argc, const char *const *argv, struct diag *diag)
{
        CLEANUP(advisories_freep) struct advisories *advisories = NULL;
        double start = now_msec();
        bool is_cached = argc > 4 && access(argv[4], F_OK) == 0;
        int r;

        if (is_cached)
                r = advisory_file_open(argv[4], "bench", &advisories, diag);
        else
                r = compile(argv, &advisories, diag);
        if (r < 0)
                return r;
        printf("%s_cpu_msec %.1f\nadvisories %zu\nfixes %zu\n", is_cached ? "load" : "compile",
               now_msec() - start, advisories->n_items, advisories->n_fixes);
        printf("cache_bytes %zu\n", advisories->size);
        return argc > 4 && !is_cached ? advisory_file_write(argv[4], advisories, "bench", diag) : 0;
}

int main(int argc, char **argv)
{
        struct rusage usage;
        struct diag diag = {0};
        int r;

        archive_settle_zone();
        if (argc < 4 || argc > 5) {
                (void)fprintf(stderr, "usage: %s OS_ID OS_VERSION FEED [CACHE]\n", argv[0]);
                return EXIT_FAILURE;
        }
        r = run(argc, (const char *const *)argv, &diag);
        if (r < 0) {
                (void)fprintf(stderr, "%s: %s\n", argv[3], diag_text(&diag, r));
                return EXIT_FAILURE;
        }
        (void)getrusage(RUSAGE_SELF, &usage);
        printf("peak_kib %ld\n", usage.ru_maxrss);
        return EXIT_SUCCESS;
}
