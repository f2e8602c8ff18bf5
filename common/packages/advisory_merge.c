/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/advisory_merge.h"

#include "packages/advisory_builder.h"

/* A fix and whose it is; they stand by package, and are wanted by advisory. */
struct placed_fix {
        const char *package;
        struct advisory_fix fix;
};

static int compare_placed(const void *a, const void *b)
{
        const struct placed_fix *left = a, *right = b;

        return (left->fix.advisory > right->fix.advisory) -
               (left->fix.advisory < right->fix.advisory);
}

static int list_fixes(const struct advisories *from, struct placed_fix *fixes)
{
        size_t n_listed = 0;

        for (size_t package = 0; package < from->n_packages; package++) {
                size_t first = 0, n = 0;
                const char *name = advisories_get_package(from, package, &first, &n);

                if (!name || n > from->n_fixes - n_listed)
                        return -EBADMSG;
                for (size_t i = 0; i < n; i++, n_listed++) {
                        fixes[n_listed].package = name;
                        if (!advisories_get_fix(from, first + i, &fixes[n_listed].fix))
                                return -EBADMSG;
                }
        }
        if (n_listed != from->n_fixes)
                return -EBADMSG;
        if (n_listed > 0)
                qsort(fixes, n_listed, sizeof(*fixes), compare_placed);
        return 0;
}

static int add_advisory(struct advisory_builder *builder, const struct advisories *from,
                        size_t number, const struct placed_fix *fixes, size_t n_fixes)
{
        struct advisory advisory;
        int r = advisories_get(from, number, &advisory) ? 0 : -EBADMSG;

        for (size_t i = 0; r >= 0 && i < n_fixes; i++)
                r = advisory_builder_add_fix(builder, fixes[i].package, &fixes[i].fix, NULL);
        for (size_t i = 0; r >= 0 && i < advisory.n_cves; i++) {
                const char *cve = advisories_get_cve(from, advisory.first_cve + i);

                r = cve ? advisory_builder_add_cve(builder, cve, NULL) : -EBADMSG;
        }
        return r < 0 ? r : advisory_builder_end(builder, &advisory, NULL);
}

static int add_all(struct advisory_builder *builder, const struct advisories *from)
{
        CLEANUP(freep) struct placed_fix *fixes = calloc(from->n_fixes + 1, sizeof(*fixes));
        int r = fixes ? list_fixes(from, fixes) : -ENOMEM;

        for (size_t number = 0, at = 0; r >= 0 && number < from->n_items; number++) {
                size_t first = at;

                while (at < from->n_fixes && fixes[at].fix.advisory == number)
                        at++;
                r = add_advisory(builder, from, number, &fixes[first], at - first);
        }
        return r;
}

int advisories_merge(const struct advisories *a, const struct advisories *b,
                     struct advisories **ret)
{
        CLEANUP(advisory_builder_freep) struct advisory_builder *builder = advisory_builder_new();
        int r = builder ? 0 : -ENOMEM;

        if (r < 0)
                return r;
        advisory_builder_keep_doubles(builder);
        r = add_all(builder, a);
        if (r < 0)
                return r;
        r = add_all(builder, b);
        return r < 0 ? r : advisory_builder_finish(builder, ret);
}
