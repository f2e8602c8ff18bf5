/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/near.h"

#include "base/str.h"

#include <string.h>

/* How many letters have to be changed, added or left out (Levenshtein); the caller bounds both. */
static size_t distance(const char *a, const char *b)
{
        size_t row[NEAR_NAME_LENGTH_MAX + 1], length = strlen(b);

        for (size_t j = 0; j <= length; j++)
                row[j] = j;
        for (size_t i = 1; a[i - 1]; i++) {
                size_t diagonal = row[0];

                row[0] = i;
                for (size_t j = 1; j <= length; j++) {
                        size_t best = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);

                        diagonal = row[j];
                        best = row[j] + 1 < best ? row[j] + 1 : best;
                        row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
                }
        }
        return row[length];
}

static bool is_close(const char *name, const char *other)
{
        size_t length = strlen(name), allowed = length < 5 ? 1 : length < 9 ? 2 : 3;

        if (length > NEAR_NAME_LENGTH_MAX || strlen(other) > NEAR_NAME_LENGTH_MAX || length == 0)
                return false;
        return (length > 3 && str_has_prefix(other, name)) || distance(name, other) <= allowed;
}

static bool is_of_source(const char *name, const struct package *package)
{
        return package->source && strcmp(package->source, name) == 0;
}

static bool is_near(const char *name, const struct package *package)
{
        return is_close(name, package->name);
}

int near_names(const struct inventory *inventory, const char *name, struct strv *ret)
{
        static bool (*const tests[])(const char *name,
                                     const struct package *package) = {is_of_source, is_near};

        for (size_t t = 0; t < ELEMENTSOF(tests) && ret->n_items == 0; t++)
                for (size_t i = 0; i < inventory->n_packages && ret->n_items < NEAR_NAMES_MAX;
                     i++) {
                        const struct package *package = &inventory->packages[i];
                        int r = 0;

                        if (package->version && tests[t](name, package) &&
                            !strv_contains(ret, package->name))
                                r = strv_add(ret, package->name);
                        if (r < 0)
                                return r;
                }
        return 0;
}
