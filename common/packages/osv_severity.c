/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/osv_severity.h"

#include "base/str.h"
#include "packages/cvss.h"

#include <string.h>
#include <strings.h>

static const struct {
        const char *word;
        enum severity severity;
} words[] = {
    {"critical", SEVERITY_CRITICAL}, {"important", SEVERITY_HIGH},  {"high", SEVERITY_HIGH},
    {"moderate", SEVERITY_MEDIUM},   {"medium", SEVERITY_MEDIUM},   {"low", SEVERITY_LOW},
    {"negligible", SEVERITY_LOW},    {"unimportant", SEVERITY_LOW}, /* of Ubuntu, of Debian */
};

static enum severity severity_of_words(const char *word, size_t length)
{
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strlen(words[i].word) == length &&
                    strncasecmp(words[i].word, word, length) == 0)
                        return words[i].severity;
        return SEVERITY_UNSPECIFIED;
}

enum severity osv_severity_of_word(const char *word)
{
        return word ? severity_of_words(word, strlen(word)) : SEVERITY_UNSPECIFIED;
}

/* "Important: openssl security update" of the Red Hat family. */
static enum severity severity_of_summary(const char *summary)
{
        const char *colon = summary ? strchr(summary, ':') : NULL;

        return colon ? severity_of_words(summary, (size_t)(colon - summary)) : SEVERITY_UNSPECIFIED;
}

static enum severity severity_of_vector(const char *vector, const char *id, struct osv_stats *stats)
{
        struct diag diag = {0};
        int tenths;

        if (cvss_score(vector, &tenths, &diag) >= 0)
                return cvss_severity(tenths);
        stats->n_bad_vectors++;
        (void)diag_fail(&stats->bad_vector, -EINVAL, "%s: %s", id, diag.text);
        return SEVERITY_UNSPECIFIED;
}

/* severity[]: {type: CVSS_V2, CVSS_V3, CVSS_V4 or a vendor's name, score}. */
static enum severity severity_of_list(const struct json *list, const char *id,
                                      struct osv_stats *stats)
{
        enum severity highest = SEVERITY_UNSPECIFIED;

        for (size_t i = 0; i < json_length(list); i++) {
                const char *type = json_get_string(json_at(list, i), "type");
                const char *score = json_get_string(json_at(list, i), "score");

                if (!type || !score)
                        continue;
                highest = severity_higher(highest, str_has_prefix(type, "CVSS_")
                                                       ? severity_of_vector(score, id, stats)
                                                       : osv_severity_of_word(score));
        }
        return highest;
}

static enum severity severity_of_specific(const struct json *specific)
{
        return severity_higher(osv_severity_of_word(json_get_string(specific, "severity")),
                               osv_severity_of_word(json_get_string(specific, "urgency")));
}

enum severity osv_severity_of_record(const struct json *record, const char *id,
                                     struct osv_stats *stats)
{
        enum severity highest = severity_of_list(json_get(record, "severity"), id, stats);

        highest = severity_higher(highest, severity_of_summary(json_get_string(record, "summary")));
        return severity_higher(highest,
                               severity_of_specific(json_get(record, "database_specific")));
}

enum severity osv_severity_of_affected(const struct json *affected, const char *id,
                                       struct osv_stats *stats)
{
        const struct json *specific = json_get(affected, "database_specific");
        const struct json *cves = json_get(json_get(specific, "cves_map"), "cves");
        enum severity highest = severity_of_list(json_get(affected, "severity"), id, stats);

        highest = severity_higher(highest, severity_of_specific(specific));
        highest = severity_higher(highest,
                                  severity_of_specific(json_get(affected, "ecosystem_specific")));
        for (size_t i = 0; i < json_length(cves); i++)
                highest = severity_higher(
                    highest, severity_of_list(json_get(json_at(cves, i), "severity"), id, stats));
        return highest;
}
