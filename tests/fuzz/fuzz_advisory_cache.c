/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "base/digest.h"
#include "packages/advisory_cache.h"
#include "packages/advisory_merge.h"

#include <string.h>

/* Whatever is asked, nothing outside of the bytes is read and everything ends. */
static void use_all(const struct advisories *advisories)
{
        CLEANUP(advisories_freep) struct advisories *merged = NULL;
        size_t first = 0, n = 0;

        for (size_t i = 0; i < advisories->n_packages + 1 && i < 1000; i++) {
                const char *name = advisories_get_package(advisories, i, &first, &n);

                if (name)
                        (void)advisories_find(advisories, name, &first);
        }
        for (size_t i = 0; i < advisories->n_fixes + 1 && i < 1000; i++) {
                struct advisory_fix fix;
                struct advisory advisory;

                if (!advisories_get_fix(advisories, i, &fix) ||
                    !advisories_get(advisories, fix.advisory, &advisory))
                        continue;
                fuzz_check(strlen(fix.fixed) < advisories->size);
                fuzz_check(strlen(advisory.id) < advisories->size);
                for (size_t j = 0; j < advisory.n_cves && j < 100; j++)
                        (void)advisories_get_cve(advisories, advisory.first_cve + j);
        }
        fuzz_check(advisories_merge(advisories, advisories, &merged) < 0 ||
                   merged->n_items <= 2 * advisories->n_items);
}

/* Once as it is, once with a checksum that fits: what is damaged and what is hostile. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(advisories_freep) struct advisories *read = NULL;
        CLEANUP(advisories_freep) struct advisories *opened = NULL;
        char sum[SHA256_TEXT_SIZE];
        struct diag diag = {0};
        uint8_t *copy;

        if (advisory_cache_read(data, size, "key", &read, &diag) >= 0)
                use_all(read);
        else
                fuzz_check(diag.text[0] != '\0');
        if (size <= ADVISORY_CACHE_HEADER_BYTES)
                return 0;
        copy = malloc(size);
        if (!copy)
                return 0;
        memcpy(copy, data, size);
        fuzz_check(digest_of(copy + ADVISORY_CACHE_HEADER_BYTES, size - ADVISORY_CACHE_HEADER_BYTES,
                             sum) == 0);
        memcpy(copy + ADVISORY_CACHE_HEADER_BYTES - sizeof(sum) + 1, sum, sizeof(sum) - 1);
        if (advisory_cache_open(copy, size, "key", sum, &opened, NULL) >= 0)
                use_all(opened);
        free(copy);
        return 0;
}
