/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/advisory.h"

#include <string.h>

void advisories_free(struct advisories *advisories)
{
        if (!advisories)
                return;
        free(advisories->items);
        free(advisories->fixes);
        free((void *)advisories->cves);
        free(advisories->text);
        free(advisories);
}

const struct advisory_fix *advisories_find(const struct advisories *advisories, const char *package,
                                           size_t *ret_n)
{
        size_t low = 0, high, end;

        *ret_n = 0;
        if (!advisories)
                return NULL;
        high = advisories->n_fixes;
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(advisories->fixes[middle].package, package) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (end = low; end < advisories->n_fixes; end++)
                if (strcmp(advisories->fixes[end].package, package) != 0)
                        break;
        *ret_n = end - low;
        return end > low ? &advisories->fixes[low] : NULL;
}
