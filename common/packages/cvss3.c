/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/cvss-private.h"

#include <math.h>

/* CVSS v3.0 and v3.1 specifications, sections 6 (vectors), 7.1 (base) and 7.4 (weights). */

enum { AV, AC, PR, UI, S, C, I, A };
enum { SCOPE_UNCHANGED, SCOPE_CHANGED };

static const struct cvss_metric metrics[] = {
    [AV] = {"AV", "P L A N", true}, [AC] = {"AC", "H L", true}, [PR] = {"PR", "H L N", true},
    [UI] = {"UI", "R N", true},     [S] = {"S", "U C", true},   [C] = {"C", "N L H", true},
    [I] = {"I", "N L H", true},     [A] = {"A", "N L H", true}, {"E", "X U P F H", false},
    {"RL", "X O T W U", false},     {"RC", "X U R C", false},   {"CR", "X L M H", false},
    {"IR", "X L M H", false},       {"AR", "X L M H", false},   {"MAV", "X P L A N", false},
    {"MAC", "X H L", false},        {"MPR", "X H L N", false},  {"MUI", "X R N", false},
    {"MS", "X U C", false},         {"MC", "X N L H", false},   {"MI", "X N L H", false},
    {"MA", "X N L H", false},
};

static const double attack_vector[] = {0.2, 0.55, 0.62, 0.85};
static const double attack_complexity[] = {0.44, 0.77};
static const double privileges_required[][3] = {
    [SCOPE_UNCHANGED] = {0.27, 0.62, 0.85}, [SCOPE_CHANGED] = {0.5, 0.68, 0.85}};
static const double user_interaction[] = {0.62, 0.85};
static const double impact_weight[] = {0.0, 0.22, 0.56};

static double impact_of(const int *values)
{
        double base = 1 - (1 - impact_weight[values[C]]) * (1 - impact_weight[values[I]]) *
                              (1 - impact_weight[values[A]]);

        if (values[S] == SCOPE_UNCHANGED)
                return 6.42 * base;
        return 7.52 * (base - 0.029) - 3.25 * pow(base - 0.02, 15);
}

/* "Roundup" of 3.1, appendix A: free of the small errors of floating point. 3.0 only says "round
 * up"; where the two would differ it is such an error. */
static int round_up_tenths(double value)
{
        long scaled = lround(value * 100000);

        return (int)((scaled + 9999) / 10000);
}

static int score(const int *values)
{
        double impact = impact_of(values);
        double exploitability = 8.22 * attack_vector[values[AV]] * attack_complexity[values[AC]] *
                                privileges_required[values[S]][values[PR]] *
                                user_interaction[values[UI]];
        double sum = impact + exploitability;

        if (impact <= 0)
                return 0;
        return round_up_tenths(fmin(values[S] == SCOPE_CHANGED ? 1.08 * sum : sum, 10));
}

const struct cvss_version cvss_3_0 = {"CVSS:3.0/", metrics, ELEMENTSOF(metrics), score};
const struct cvss_version cvss_3_1 = {"CVSS:3.1/", metrics, ELEMENTSOF(metrics), score};
