/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between cvss.c, which splits a vector into metrics, and the arithmetic of each version. */

#include "packages/cvss.h"

#include <stddef.h>

enum { CVSS_METRICS_MAX = 34 };

/* One metric and its values, one letter each but for 2.0's and 4.0's few words. */
struct cvss_metric {
        const char *name;
        const char *values; /* divided by blanks; the order is the version's own business */
        bool required;
};

struct cvss_version {
        const char *prefix; /* "CVSS:3.1/"; "" for 2.0 */
        const struct cvss_metric *metrics;
        size_t n_metrics;
        int (*score)(const int *values); /* in tenths; values[i]: index in metrics[i].values, -1:
                                            not in the vector */
};

extern const struct cvss_version cvss_2_0, cvss_3_0, cvss_3_1, cvss_4_0;
