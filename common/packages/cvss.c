/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/cvss.h"

#include "base/str.h"
#include "packages/cvss-private.h"

#include <string.h>

/* 2.0 has no prefix, so it is last. */
static const struct cvss_version *const versions[] = {&cvss_3_1, &cvss_3_0, &cvss_4_0, &cvss_2_0};

static const struct cvss_version *version_of(const char *vector)
{
        for (size_t i = 0; i < ELEMENTSOF(versions); i++)
                if (str_has_prefix(vector, versions[i]->prefix))
                        return versions[i];
        return NULL;
}

/* The index of a word in a list divided by blanks; -1: not in it. */
static int find_word(const char *list, const char *word, size_t length)
{
        int index = 0;

        for (const char *at = list; *at; index++) {
                size_t n = strcspn(at, " ");

                if (n == length && strncmp(at, word, n) == 0)
                        return index;
                at += n + strspn(at + n, " ");
        }
        return -1;
}

static int find_metric(const struct cvss_version *version, const char *name, size_t length)
{
        for (size_t i = 0; i < version->n_metrics; i++)
                if (strlen(version->metrics[i].name) == length &&
                    strncmp(version->metrics[i].name, name, length) == 0)
                        return (int)i;
        return -1;
}

/* "AV:N", not terminated. */
static int read_metric(const struct cvss_version *version, const char *text, size_t length,
                       int *values, struct diag *diag)
{
        const char *colon = memchr(text, ':', length);
        size_t n_name = colon ? (size_t)(colon - text) : length;
        int metric = colon ? find_metric(version, text, n_name) : -1;
        int value;

        if (metric < 0)
                return diag_fail(diag, -EINVAL, "CVSS: '%.*s' is no metric of this version",
                                 (int)length, text);
        value = find_word(version->metrics[metric].values, colon + 1, length - n_name - 1);
        if (value < 0)
                return diag_fail(diag, -EINVAL, "CVSS: '%.*s': the value is not one of %s",
                                 (int)length, text, version->metrics[metric].values);
        if (values[metric] >= 0)
                return diag_fail(diag, -EINVAL, "CVSS: the metric '%s' stands twice",
                                 version->metrics[metric].name);
        values[metric] = value;
        return 0;
}

static int read_metrics(const struct cvss_version *version, const char *text, int *values,
                        struct diag *diag)
{
        for (const char *at = text;; at++) {
                size_t length = strcspn(at, "/");
                int r = read_metric(version, at, length, values, diag);

                if (r < 0)
                        return r;
                at += length;
                if (*at == '\0')
                        break;
        }
        for (size_t i = 0; i < version->n_metrics; i++)
                if (version->metrics[i].required && values[i] < 0)
                        return diag_fail(diag, -EINVAL, "CVSS: the metric '%s' is missing",
                                         version->metrics[i].name);
        return 0;
}

int cvss_score(const char *vector, int *ret_tenths, struct diag *diag)
{
        const struct cvss_version *version = version_of(vector);
        int values[CVSS_METRICS_MAX];
        int r;

        if (strlen(vector) > CVSS_VECTOR_MAX_BYTES)
                return diag_fail(diag, -EINVAL, "CVSS: a vector of more than %d bytes",
                                 CVSS_VECTOR_MAX_BYTES);
        for (size_t i = 0; i < ELEMENTSOF(values); i++)
                values[i] = -1;
        r = read_metrics(version, vector + strlen(version->prefix), values, diag);
        if (r < 0)
                return r;
        *ret_tenths = version->score(values);
        return 0;
}

enum severity cvss_severity(int tenths)
{
        static const struct {
                int from;
                enum severity severity;
        } scale[] = {
            {90, SEVERITY_CRITICAL}, {70, SEVERITY_HIGH}, {40, SEVERITY_MEDIUM}, {1, SEVERITY_LOW}};

        for (size_t i = 0; i < ELEMENTSOF(scale); i++)
                if (tenths >= scale[i].from)
                        return scale[i].severity;
        return SEVERITY_UNSPECIFIED;
}
