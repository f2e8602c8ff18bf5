/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/osv.h"

#include "base/json.h"
#include "base/str.h"
#include "base/timetext.h"
#include "packages/osv_severity.h"

#include <string.h>

/* What the id of a record tells of it; the last row takes every other id. */
static const struct kind {
        const char *prefix;
        enum classification classification;
        bool is_cve;
        bool is_dated; /* published is the day its fix came out */
} kinds[] = {
    {"DEBIAN-CVE-", CLASSIFICATION_SECURITY, true, false},
    {"UBUNTU-CVE-", CLASSIFICATION_SECURITY, true, false},
    {"CVE-", CLASSIFICATION_SECURITY, true, false},
    {"DSA-", CLASSIFICATION_SECURITY, false, true},
    {"DLA-", CLASSIFICATION_SECURITY, false, true},
    {"ELA-", CLASSIFICATION_SECURITY, false, true},
    {"USN-", CLASSIFICATION_SECURITY, false, true},
    {"LSN-", CLASSIFICATION_SECURITY, false, true},
    {"ALSA-", CLASSIFICATION_SECURITY, false, true},
    {"ALBA-", CLASSIFICATION_BUGFIX, false, true},
    {"ALEA-", CLASSIFICATION_ENHANCEMENT, false, true},
    {"RLSA-", CLASSIFICATION_SECURITY, false, true},
    {"RLBA-", CLASSIFICATION_BUGFIX, false, true},
    {"RLEA-", CLASSIFICATION_ENHANCEMENT, false, true},
    {"RHSA-", CLASSIFICATION_SECURITY, false, true},
    {"RHBA-", CLASSIFICATION_BUGFIX, false, true},
    {"RHEA-", CLASSIFICATION_ENHANCEMENT, false, true},
    {"", CLASSIFICATION_SECURITY, false, false},
};

static const struct kind *kind_of(const char *id)
{
        const struct kind *kind = kinds;

        while (!str_has_prefix(id, kind->prefix))
                kind++;
        return kind;
}

struct reading {
        const struct json *record;
        const struct osv_release *release;
        struct advisory_builder *builder;
        struct osv_stats *stats;
        struct advisory advisory;
};

/* ---- CVEs ---- */

/* "UBUNTU-CVE-2021-41617" and "DEBIAN-CVE-..." are names of a CVE too; NULL: it is none. */
static const char *cve_of(const char *name)
{
        static const char *const prefixes[] = {"DEBIAN-", "UBUNTU-"};

        if (!name)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
                if (str_has_prefix(name, prefixes[i]))
                        name += strlen(prefixes[i]);
        return str_has_prefix(name, "CVE-") ? name : NULL;
}

static int add_cve(struct reading *reading, const char *name, struct diag *diag)
{
        const char *cve = cve_of(name);

        return cve ? advisory_builder_add_cve(reading->builder, cve, diag) : 0;
}

static int add_cves(struct reading *reading, struct diag *diag)
{
        static const char *const lists[] = {"aliases", "related", "upstream"};
        int r = add_cve(reading, reading->advisory.id, diag);

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(lists); i++) {
                const struct json *list = json_get(reading->record, lists[i]);

                for (size_t j = 0; r >= 0 && j < json_length(list); j++)
                        r = add_cve(reading, json_string(json_at(list, j)), diag);
        }
        return r;
}

/* Ubuntu: which CVEs the advisory fixes in this release. */
static int add_mapped_cves(struct reading *reading, const struct json *affected, struct diag *diag)
{
        const struct json *map = json_get(json_get(affected, "database_specific"), "cves_map");
        const struct json *cves = json_get(map, "cves");
        int r = 0;

        for (size_t i = 0; r >= 0 && i < json_length(cves); i++)
                r = add_cve(reading, json_get_string(json_at(cves, i), "id"), diag);
        return r;
}

/* ---- fixed versions ---- */

/* Trackers write "<unfixed>", "<end-of-life>" where a version belongs; "0" was never affected. */
static bool is_fix(const char *version)
{
        return version && version[0] != '\0' && version[0] != '<' && strcmp(version, "0") != 0;
}

/* Events stand in the order of versions: what was introduced, then what fixed it, perhaps again. */
static int add_range(struct reading *reading, const char *package, const struct json *range,
                     struct diag *diag)
{
        const struct json *events = json_get(range, "events");
        struct advisory_fix fix = {.introduced = NULL};

        if (!str_equal(json_get_string(range, "type"), "ECOSYSTEM"))
                return 0;
        if (json_length(events) > OSV_EVENTS_MAX)
                return diag_fail(diag, -E2BIG, "%s: more than %d events in one range", package,
                                 OSV_EVENTS_MAX);
        for (size_t i = 0; i < json_length(events); i++) {
                const struct json *event = json_at(events, i);
                const char *introduced = json_get_string(event, "introduced");
                const char *last = json_get_string(event, "last_affected");
                int r;

                if (introduced)
                        fix.introduced = strcmp(introduced, "0") == 0 ? NULL : introduced;
                fix.fixed = json_get_string(event, "fixed") ?: last;
                fix.is_after = fix.fixed == last;
                if (!is_fix(fix.fixed))
                        continue;
                r = advisory_builder_add_fix(reading->builder, package, &fix, diag);
                if (r < 0) {
                        diag_prefix(diag, "%s", package);
                        return r;
                }
        }
        return 0;
}

/* Ubuntu says it once more beside the packages. */
static bool is_installable(const struct reading *reading, const struct json *affected)
{
        const char *availability =
            json_get_string(json_get(affected, "ecosystem_specific"), "availability");

        return reading->release->with_subscription || !availability ||
               !str_has_prefix(availability, "Available with Ubuntu Pro");
}

static int add_affected(struct reading *reading, const struct json *affected, struct diag *diag)
{
        const struct json *package = json_get(affected, "package");
        const char *ecosystem = json_get_string(package, "ecosystem");
        const char *name = json_get_string(package, "name");
        const struct json *ranges = json_get(affected, "ranges");
        size_t n_before = advisory_builder_n_fixes(reading->builder);
        int r = 0;

        if (!ecosystem || !osv_release_covers(reading->release, ecosystem) ||
            !is_installable(reading, affected))
                return 0;
        if (!name)
                return diag_fail(diag, -EINVAL, "a package of %s has no name", ecosystem);
        for (size_t i = 0; r >= 0 && i < json_length(ranges); i++)
                r = add_range(reading, name, json_at(ranges, i), diag);
        if (r < 0 || advisory_builder_n_fixes(reading->builder) == n_before)
                return r;
        reading->advisory.severity = severity_higher(
            reading->advisory.severity,
            osv_severity_of_affected(affected, reading->advisory.id, reading->stats));
        return add_mapped_cves(reading, affected, diag);
}

static int add_all_affected(struct reading *reading, struct diag *diag)
{
        const struct json *affected = json_get(reading->record, "affected");

        if (json_length(affected) > OSV_AFFECTED_MAX)
                return diag_fail(diag, -E2BIG, "%zu affected packages, more than %d",
                                 json_length(affected), OSV_AFFECTED_MAX);
        for (size_t i = 0; i < json_length(affected); i++) {
                int r = add_affected(reading, json_at(affected, i), diag);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- the record ---- */

/* Nobody published a Linux distribution's advisory before that; it is a zero in some zone. */
enum { OLDEST_PUBLISHED_DAYS = 366 };

/* The year 1 and 1970 are zeros. What is no time at all is an error: nothing is guessed. */
static int read_published(struct reading *reading, struct diag *diag)
{
        struct advisory *advisory = &reading->advisory;
        const struct json *published = json_get(reading->record, "published");
        const char *text = json_string(published);
        time_t time = 0;

        if (!published)
                return 0;
        if (!text || time_from_rfc3339(text, &time) < 0)
                return diag_fail(diag, -EINVAL, "published: '%s' is no time of RFC 3339",
                                 text ?: "not a text");
        if (time <= (time_t)OLDEST_PUBLISHED_DAYS * SECONDS_PER_DAY)
                return 0;
        advisory->published = time;
        advisory->is_whole_days = time % SECONDS_PER_DAY == 0;
        return 0;
}

static int read_record(struct reading *reading, struct diag *diag)
{
        struct advisory *advisory = &reading->advisory;
        const struct kind *kind = kind_of(advisory->id);
        int r = kind->is_dated ? read_published(reading, diag) : 0;

        if (r < 0)
                return r;
        advisory->classification = kind->classification;
        advisory->is_cve = kind->is_cve;
        r = add_all_affected(reading, diag);
        if (r < 0)
                return r;
        if (advisory_builder_n_fixes(reading->builder) == 0) {
                reading->stats->n_elsewhere++;
                return 0;
        }
        advisory->severity =
            severity_higher(advisory->severity,
                            osv_severity_of_record(reading->record, advisory->id, reading->stats));
        r = add_cves(reading, diag);
        return r < 0 ? r : advisory_builder_end(reading->builder, advisory, diag);
}

int osv_read_record(const char *text, size_t size, const struct osv_release *release,
                    struct advisory_builder *builder, struct osv_stats *stats, struct diag *diag)
{
        CLEANUP(json_freep) struct json *record = NULL;
        struct reading reading = {.release = release,
                                  .builder = builder,
                                  .stats = stats,
                                  .advisory.severity = SEVERITY_UNSPECIFIED};
        int r;

        stats->n_records++;
        if (size > OSV_RECORD_MAX_BYTES)
                return diag_fail(diag, -E2BIG, "a record of %zu bytes, more than %d", size,
                                 OSV_RECORD_MAX_BYTES);
        r = json_parse(text, size, &record, diag);
        if (r < 0)
                return r;
        reading.record = record;
        reading.advisory.id = json_get_string(record, "id");
        if (!reading.advisory.id)
                return diag_fail(diag, -EINVAL,
                                 "a record has no id; is this a file of OSV records?");
        if (json_get(record, "withdrawn")) {
                stats->n_withdrawn++;
                return 0;
        }
        r = read_record(&reading, diag);
        if (r < 0)
                diag_prefix(diag, "%.64s", reading.advisory.id);
        return r;
}
