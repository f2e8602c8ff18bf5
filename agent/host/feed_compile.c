/* SPDX-License-Identifier: Apache-2.0 */
#include "host/feed_compile.h"

#include "base/str.h"
#include "host/advisory_file.h"
#include "host/files.h"
#include "host/osv_feed.h"
#include "packages/advisory_merge.h"

/* What a cache was made from; the format's own version is the cache's matter. */
static char *cache_key(const char *sha256, const struct node *node)
{
        return str_format("%s %s %s", sha256, node->os_id, node->os_version);
}

int feed_compile(int fd, const struct node *node, struct advisories **ret, struct diag *diag)
{
        CLEANUP(advisory_builder_freep) struct advisory_builder *builder = advisory_builder_new();
        struct osv_release release;
        struct osv_stats stats = {0};
        int r = builder ? 0 : -ENOMEM;

        if (r >= 0)
                r = osv_release_for(node->os_id, node->os_version, false, &release, diag);
        if (r >= 0)
                r = osv_feed_read(fd, &release, builder, &stats, diag);
        return r < 0 ? r : advisory_builder_finish(builder, ret);
}

int feed_cache_write(const char *path, const struct advisories *advisories, const char *sha256,
                     const struct node *node, struct diag *diag)
{
        CLEANUP(freep) char *key = cache_key(sha256, node);

        return key ? advisory_file_write(path, advisories, key, diag) : -ENOMEM;
}

int feed_cache_read(const char *path, const char *sha256, const struct node *node, bool is_own,
                    struct advisories **ret, struct diag *diag)
{
        CLEANUP(freep) char *key = cache_key(sha256, node);
        CLEANUP(blob_done) struct blob bytes = {0};
        int r;

        if (!key)
                return -ENOMEM;
        if (is_own)
                return advisory_file_open(path, key, ret, diag);
        r = files_read(path, ADVISORIES_MAX_BYTES, true, &bytes, diag);
        return r < 0 ? r : advisory_cache_read(bytes.data, bytes.size, key, ret, diag);
}

int feed_merge(struct advisories **all, struct advisories **more)
{
        struct advisories *merged = NULL;
        int r;

        if (!*all) {
                *all = TAKE_PTR(*more);
                return 0;
        }
        r = advisories_merge(*all, *more, &merged);
        if (r < 0)
                return r;
        advisories_free(*all);
        *all = merged;
        return 0;
}
