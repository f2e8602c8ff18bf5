/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/carried.h"

#include "packages/source_name.h"

#include <string.h>

/* ---- the pocket it comes from ---- */

static bool is_in_security_pocket(const struct available *available)
{
        for (size_t i = 0; i < available->n_indexes; i++)
                if (available->indexes[i]->is_security)
                        return true;
        return false;
}

/* A version that supersedes a security update before it was installed carries it too. */
static bool supersedes_security(const struct evaluate_input *input, const struct package *package,
                                const struct available *available)
{
        if (is_in_security_pocket(available))
                return true;
        for (size_t i = 0; i < package->n_available; i++)
                if (inventory_compare_versions(input->inventory, package->available[i].version,
                                               available->version) <= 0 &&
                    is_in_security_pocket(&package->available[i]))
                        return true;
        return false;
}

/* ---- advisories ---- */

static int add_advisory(struct verdict *verdict, const struct advisories *advisories,
                        const struct advisory *advisory)
{
        int r = 0;

        if (advisory->severity < verdict->severity)
                verdict->severity = advisory->severity;
        if (advisory->classification < verdict->classification)
                verdict->classification = advisory->classification;
        if (!advisory->is_cve && !strv_contains(&verdict->advisories, advisory->id))
                r = strv_add(&verdict->advisories, advisory->id);
        for (size_t i = 0; r >= 0 && i < advisory->n_cves; i++) {
                const char *cve = advisories_get_cve(advisories, advisory->first_cve + i);

                if (cve && !strv_contains(&verdict->cves, cve))
                        r = strv_add(&verdict->cves, cve);
        }
        return r;
}

static bool is_affected(const struct inventory *inventory, const struct advisory_fix *fix,
                        const char *version)
{
        int order = inventory_compare_versions(inventory, version, fix->fixed);

        if (fix->is_after ? order > 0 : order >= 0)
                return false;
        return !fix->introduced ||
               inventory_compare_versions(inventory, version, fix->introduced) >= 0;
}

/* Whether going from installed (NULL: from nothing) to candidate brings the fix. Of a version that
 * is installed already only what it fixed itself is known. */
static bool lies_in(const struct inventory *inventory, const struct advisory_fix *fix,
                    const char *installed, const char *candidate)
{
        int order = inventory_compare_versions(inventory, candidate, fix->fixed);

        if (fix->is_after ? order <= 0 : order < 0)
                return false;
        if (installed && inventory_compare_versions(inventory, installed, candidate) == 0)
                return order == 0;
        return !installed || is_affected(inventory, fix, installed);
}

static int visit_fixes(const struct evaluate_input *input, const char *source,
                       const char *installed, const char *candidate, carried_visit_fn visit,
                       void *arg)
{
        size_t first, n_fixes = advisories_find(input->advisories, source, &first);

        for (size_t i = 0; i < n_fixes; i++) {
                struct advisory_fix fix;
                struct advisory advisory;
                int r;

                if (!advisories_get_fix(input->advisories, first + i, &fix) ||
                    !lies_in(input->inventory, &fix, installed, candidate) ||
                    !advisories_get(input->advisories, fix.advisory, &advisory))
                        continue;
                r = visit(&advisory, &fix, arg);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Advisories name the real source of signed binaries, a few also the source that signs. */
static int visit_real_fixes(const struct evaluate_input *input, const struct package *package,
                            const struct available *available, carried_visit_fn visit, void *arg)
{
        CLEANUP(source_name_done) struct source_name installed = {0}, candidate = {0};
        int r = source_name_resolve(available->source, available->source_version,
                                    available->version, &candidate);

        if (r < 0 || candidate.name == available->source)
                return r;
        r = source_name_resolve(package->source, package->source_version, package->version,
                                &installed);
        if (r < 0)
                return r;
        return visit_fixes(input, candidate.name, installed.version, candidate.version, visit, arg);
}

int carried_for_each(const struct evaluate_input *input, const struct package *package,
                     const struct available *available, carried_visit_fn visit, void *arg)
{
        int r;

        /* rpm advisories name binary packages, and so their versions. */
        if (input->inventory->format == FORMAT_RPM)
                return visit_fixes(input, package->name, package->version, available->version,
                                   visit, arg);
        r = visit_fixes(input, available->source, package->source_version,
                        available->source_version, visit, arg);
        return r < 0 ? r : visit_real_fixes(input, package, available, visit, arg);
}

struct classifying {
        const struct advisories *advisories;
        struct verdict *verdict;
};

static int add_carried(const struct advisory *advisory, const struct advisory_fix *fix, void *arg)
{
        const struct classifying *classifying = arg;

        (void)fix;
        return add_advisory(classifying->verdict, classifying->advisories, advisory);
}

int carried_classify(const struct evaluate_input *input, const struct package *package,
                     struct verdict *verdict)
{
        struct classifying classifying = {.advisories = input->advisories, .verdict = verdict};
        const struct available *available = verdict->available;
        int r;

        verdict->severity = SEVERITY_UNSPECIFIED;
        verdict->classification = supersedes_security(input, package, available)
                                      ? CLASSIFICATION_SECURITY
                                      : CLASSIFICATION_OTHER;
        r = carried_for_each(input, package, available, add_carried, &classifying);
        if (r < 0)
                return r;
        strv_sort(&verdict->advisories);
        strv_sort(&verdict->cves);
        return 0;
}
