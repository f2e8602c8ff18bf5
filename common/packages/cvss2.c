/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/cvss-private.h"

#include <math.h>

/* A complete guide to CVSS version 2.0, section 3.2.1; vectors in 2.4. */

enum { AV, AC, AU, C, I, A };

static const struct cvss_metric metrics[] = {
    [AV] = {"AV", "L A N", true},     [AC] = {"AC", "H M L", true},  [AU] = {"Au", "M S N", true},
    [C] = {"C", "N P C", true},       [I] = {"I", "N P C", true},    [A] = {"A", "N P C", true},
    {"E", "U POC F H ND", false},     {"RL", "OF TF W U ND", false}, {"RC", "UC UR C ND", false},
    {"CDP", "N L LM MH H ND", false}, {"TD", "N L M H ND", false},   {"CR", "L M H ND", false},
    {"IR", "L M H ND", false},        {"AR", "L M H ND", false},
};

static const double access_vector[] = {0.395, 0.646, 1.0};
static const double access_complexity[] = {0.35, 0.61, 0.71};
static const double authentication[] = {0.45, 0.56, 0.704};
static const double impact_weight[] = {0.0, 0.275, 0.660};

static int score(const int *values)
{
        double impact =
            10.41 * (1 - (1 - impact_weight[values[C]]) * (1 - impact_weight[values[I]]) *
                             (1 - impact_weight[values[A]]));
        double exploitability = 20 * access_vector[values[AV]] * access_complexity[values[AC]] *
                                authentication[values[AU]];
        double f = values[C] + values[I] + values[A] > 0 ? 1.176 : 0;

        return (int)lround((0.6 * impact + 0.4 * exploitability - 1.5) * f * 10);
}

const struct cvss_version cvss_2_0 = {"", metrics, ELEMENTSOF(metrics), score};
