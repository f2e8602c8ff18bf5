/* SPDX-License-Identifier: Apache-2.0 */
#include "host/advisory_file.h"

#include "base/digest.h"
#include "host/files.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { BLOCK_BYTES = 64 * 1024, FILE_MODE = 0644 };

int advisory_file_write(const char *path, const struct advisories *advisories, const char *key,
                        struct diag *diag)
{
        CLEANUP(blob_done) struct blob blob = {0};
        int r = advisory_cache_write(advisories, key, &blob, diag);

        return r < 0 ? r : files_write_atomic(path, blob.data, blob.size, FILE_MODE, diag);
}

/* Of all that stands behind the header. */
static int sum_file(int fd, char ret[static SHA256_TEXT_SIZE])
{
        CLEANUP(digest_freep) struct digest *digest = digest_new();
        CLEANUP(freep) char *block = malloc(BLOCK_BYTES);

        if (!digest || !block)
                return -ENOMEM;
        for (off_t at = ADVISORY_CACHE_HEADER_BYTES;;) {
                ssize_t n = pread(fd, block, BLOCK_BYTES, at);
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return digest_finish(digest, ret);
                r = digest_add(digest, block, (size_t)n);
                if (r < 0)
                        return r;
                at += n;
        }
}

/* struct advisories begin behind header and key, a mapping at its page. */
static void unmap(const void *bytes, size_t size)
{
        size_t n_before = (uintptr_t)bytes % (uintptr_t)sysconf(_SC_PAGESIZE);

        (void)munmap((char *)bytes - n_before, n_before + size);
}

_Static_assert(ADVISORY_CACHE_HEADER_BYTES + ADVISORY_CACHE_KEY_MAX_BYTES < 4096,
               "both end inside the first page");

static int map_file(int fd, const char *key, const char *sha256, struct advisories **ret,
                    struct diag *diag)
{
        struct stat st;
        void *bytes;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size <= ADVISORY_CACHE_HEADER_BYTES ||
            st.st_size > ADVISORIES_MAX_BYTES)
                return diag_fail(diag, -EBADMSG, "is no advisory cache");
        bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED)
                return -errno;
        r = advisory_cache_open(bytes, (size_t)st.st_size, key, sha256, ret, diag);
        if (r < 0) {
                (void)munmap(bytes, (size_t)st.st_size);
                return r;
        }
        (*ret)->release = unmap;
        return 0;
}

int advisory_file_open(const char *path, const char *key, struct advisories **ret,
                       struct diag *diag)
{
        CLEANUP(closep)
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        char sum[SHA256_TEXT_SIZE] = "";
        struct diag why = {0};
        int r = fd < 0 ? -errno : 0;

        if (r >= 0)
                r = sum_file(fd, sum);
        if (r >= 0)
                r = map_file(fd, key, sum, ret, &why);
        return r < 0 ? diag_fail(diag, r, "%s: %s", path, diag_text(&why, r)) : 0;
}
