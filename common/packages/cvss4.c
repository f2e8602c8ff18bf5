/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/cvss-private.h"

/*
 * CVSS v4.0 specification, section 7 (vectors) and 8 (scoring): the metrics fall into six
 * equivalence classes (EQ); the levels of these are a MacroVector, which has a score; within it the
 * score falls with the distance from its worst vector. All in whole numbers: a distance is a number
 * of steps of single metrics, a score is in tenths.
 */

enum {
        AV,
        AC,
        AT,
        PR,
        UI,
        VC,
        VI,
        VA,
        SC,
        SI,
        SA,
        E,
        CR,
        IR,
        AR,
        MAV,
        MAC,
        MAT,
        MPR,
        MUI,
        MVC,
        MVI,
        MVA,
        MSC,
        MSI,
        MSA,
};

/* Values stand from worst to least, so that an index is a number of steps from the worst. */
static const struct cvss_metric metrics[] = {
    [AV] = {"AV", "N A L P", true},
    [AC] = {"AC", "L H", true},
    [AT] = {"AT", "N P", true},
    [PR] = {"PR", "N L H", true},
    [UI] = {"UI", "N P A", true},
    [VC] = {"VC", "H L N", true},
    [VI] = {"VI", "H L N", true},
    [VA] = {"VA", "H L N", true},
    [SC] = {"SC", "H L N", true},
    [SI] = {"SI", "H L N", true},
    [SA] = {"SA", "H L N", true},
    [E] = {"E", "A P U X", false},
    [CR] = {"CR", "H M L X", false},
    [IR] = {"IR", "H M L X", false},
    [AR] = {"AR", "H M L X", false},
    [MAV] = {"MAV", "N A L P X", false},
    [MAC] = {"MAC", "L H X", false},
    [MAT] = {"MAT", "N P X", false},
    [MPR] = {"MPR", "N L H X", false},
    [MUI] = {"MUI", "N P A X", false},
    [MVC] = {"MVC", "H L N X", false},
    [MVI] = {"MVI", "H L N X", false},
    [MVA] = {"MVA", "H L N X", false},
    [MSC] = {"MSC", "H L N X", false},
    [MSI] = {"MSI", "H L N X S", false},
    [MSA] = {"MSA", "H L N X S", false},
    {"S", "X N P", false},
    {"AU", "X N Y", false},
    {"R", "X A U I", false},
    {"V", "X D C", false},
    {"RE", "X L M H", false},
    {"U", "X Clear Green Amber Red", false},
};

enum { LEVEL_H, LEVEL_N = 2, MODIFIED_X, MODIFIED_SAFETY };

/* Subsequent system's impact has Safety above High. */
enum { SUBSEQUENT_SAFETY, SUBSEQUENT_H, SUBSEQUENT_L, SUBSEQUENT_N };

/* EQ3 and EQ6 depend on each other and count as one: 00, 01, 10, 11, 21. */
enum { N_EQ36 = 5, EQ36_LEAST = 4 };

/* Scores of the MacroVectors: [EQ1 * 2 + EQ2][EQ3 and EQ6][EQ4][EQ5], section 8.2. */
static const unsigned char macro_scores[6][N_EQ36][3][3] = {
    {
        {{100, 98, 95}, {100, 93, 91}, {93, 89, 81}},
        {{99, 95, 92}, {96, 87, 81}, {90, 80, 68}},
        {{98, 95, 90}, {93, 89, 81}, {88, 78, 69}},
        {{95, 92, 84}, {92, 81, 65}, {80, 70, 48}},
        {{92, 82, 72}, {79, 69, 50}, {69, 55, 27}},
    },
    {
        {{99, 95, 92}, {95, 90, 84}, {92, 82, 72}},
        {{97, 92, 85}, {91, 83, 71}, {81, 71, 53}},
        {{95, 92, 85}, {92, 80, 70}, {84, 71, 50}},
        {{93, 85, 73}, {82, 72, 59}, {70, 52, 30}},
        {{86, 75, 52}, {71, 52, 29}, {63, 29, 17}},
    },
    {
        {{98, 94, 91}, {94, 86, 77}, {87, 74, 63}},
        {{95, 87, 81}, {89, 74, 64}, {75, 63, 49}},
        {{94, 88, 76}, {86, 74, 59}, {72, 57, 52}},
        {{89, 77, 67}, {76, 58, 50}, {57, 52, 25}},
        {{83, 70, 54}, {65, 58, 26}, {53, 21, 13}},
    },
    {
        {{95, 88, 76}, {90, 75, 61}, {77, 68, 52}},
        {{90, 76, 70}, {77, 62, 53}, {66, 59, 30}},
        {{89, 76, 62}, {74, 57, 47}, {61, 57, 24}},
        {{78, 67, 58}, {59, 57, 23}, {52, 29, 16}},
        {{71, 59, 30}, {58, 26, 15}, {23, 13, 6}},
    },
    {
        {{93, 86, 75}, {86, 74, 56}, {70, 52, 40}},
        {{87, 72, 58}, {74, 61, 34}, {54, 40, 22}},
        {{85, 74, 62}, {72, 55, 46}, {53, 34, 19}},
        {{75, 55, 51}, {57, 41, 19}, {36, 19, 8}},
        {{64, 51, 20}, {47, 21, 11}, {24, 9, 4}},
    },
    {
        {{88, 73, 60}, {73, 59, 41}, {54, 45, 20}},
        {{75, 53, 50}, {55, 40, 20}, {43, 22, 11}},
        {{75, 58, 40}, {61, 48, 20}, {46, 17, 8}},
        {{55, 45, 21}, {51, 18, 9}, {18, 7, 2}},
        {{53, 24, 14}, {24, 12, 5}, {10, 3, 1}},
    },
};

enum { EQ1, EQ2, EQ36, EQ4, EQ5, N_EQS };

/* A level for each class. */
struct macro {
        int level[N_EQS];
};

/* What a vector says, modified metrics and worst-case defaults resolved, as steps from the worst.
 */
struct effective {
        int av_pr_ui[3], ac_at[2];
        int impact[6]; /* VC VI VA CR IR AR */
        int subsequent[3];
        int exploit;
};

/* ---- effective values ---- */

static int worst_when_absent(const int *values, int metric, int not_defined)
{
        return values[metric] < 0 || values[metric] == not_defined ? 0 : values[metric];
}

/* The modified metric where it says something; "X" is its last value. */
static int modified(const int *values, int metric, int modified_metric, int not_defined)
{
        int value = values[modified_metric];

        return value < 0 || value == not_defined ? values[metric] : value;
}

static int subsequent(const int *values, int metric, int modified_metric)
{
        int value = modified(values, metric, modified_metric, MODIFIED_X);

        return value == MODIFIED_SAFETY ? SUBSEQUENT_SAFETY : value + SUBSEQUENT_H;
}

static struct effective effective_of(const int *values)
{
        return (struct effective){
            .av_pr_ui = {modified(values, AV, MAV, 4), modified(values, PR, MPR, 3),
                         modified(values, UI, MUI, 3)},
            .ac_at = {modified(values, AC, MAC, 2), modified(values, AT, MAT, 2)},
            .impact = {modified(values, VC, MVC, MODIFIED_X), modified(values, VI, MVI, MODIFIED_X),
                       modified(values, VA, MVA, MODIFIED_X), worst_when_absent(values, CR, 3),
                       worst_when_absent(values, IR, 3), worst_when_absent(values, AR, 3)},
            .subsequent = {subsequent(values, SC, MSC), subsequent(values, SI, MSI),
                           subsequent(values, SA, MSA)},
            .exploit = worst_when_absent(values, E, 3),
        };
}

static bool has_no_impact(const struct effective *e)
{
        for (size_t i = 0; i < 3; i++)
                if (e->impact[i] != LEVEL_N || e->subsequent[i] != SUBSEQUENT_N)
                        return false;
        return true;
}

/* ---- the MacroVector (tables 24 to 29) ---- */

static int count_worst(const int *steps, size_t n)
{
        int n_worst = 0;

        for (size_t i = 0; i < n; i++)
                n_worst += steps[i] == 0;
        return n_worst;
}

static int eq1_of(const struct effective *e)
{
        int n_worst = count_worst(e->av_pr_ui, 3);

        if (n_worst == 3)
                return 0;
        return n_worst == 0 || e->av_pr_ui[0] == 3 ? 2 : 1;
}

static int eq36_of(const struct effective *e)
{
        bool needed_worst = false;
        int eq3 = 2;

        if (e->impact[0] == LEVEL_H && e->impact[1] == LEVEL_H)
                eq3 = 0;
        else if (count_worst(e->impact, 3) > 0)
                eq3 = 1;
        for (size_t i = 0; i < 3; i++)
                needed_worst = needed_worst || (e->impact[i] == LEVEL_H && e->impact[i + 3] == 0);
        return eq3 == 2 ? EQ36_LEAST : eq3 * 2 + !needed_worst;
}

static int eq4_of(const struct effective *e)
{
        if (count_worst(e->subsequent, 3) > 0) /* SC knows no Safety */
                return 0;
        for (size_t i = 0; i < 3; i++)
                if (e->subsequent[i] == SUBSEQUENT_H)
                        return 1;
        return 2;
}

static struct macro macro_of(const struct effective *e)
{
        return (struct macro){{[EQ1] = eq1_of(e),
                               [EQ2] = count_worst(e->ac_at, 2) == 2 ? 0 : 1,
                               [EQ36] = eq36_of(e),
                               [EQ4] = eq4_of(e),
                               [EQ5] = e->exploit}};
}

static int score_of_macro(const struct macro *macro)
{
        const int *level = macro->level;

        return macro_scores[level[EQ1] * 2 + level[EQ2]][level[EQ36]][level[EQ4]][level[EQ5]];
}

/* ---- the distance inside it ---- */

enum { STEPS_MAX = 6, WORST_MAX = 5 };

/* The worst vectors of a level, of which at least one is as bad as any vector of the level in every
 * metric, and how deep the level is below them. */
struct level {
        int depth;
        int n_worst;
        signed char worst[WORST_MAX][STEPS_MAX];
};

static const struct level eq1_levels[] = {
    {1, 1, {{0, 0, 0}}},
    {4, 3, {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
    {5, 2, {{3, 0, 0}, {1, 1, 1}}},
};
static const struct level eq2_levels[] = {
    {1, 1, {{0, 0}}},
    {2, 2, {{1, 0}, {0, 1}}},
};
static const struct level eq36_levels[N_EQ36] = {
    {7, 1, {{0, 0, 0, 0, 0, 0}}},
    {6, 2, {{0, 0, 1, 1, 1, 0}, {0, 0, 0, 1, 1, 1}}},
    {8, 2, {{1, 0, 0, 0, 0, 0}, {0, 1, 0, 0, 0, 0}}},
    {8,
     5,
     {{1, 0, 1, 0, 1, 0},
      {1, 0, 0, 0, 1, 1},
      {0, 1, 0, 1, 0, 1},
      {0, 1, 1, 1, 0, 0},
      {1, 1, 0, 0, 0, 1}}},
    {10, 1, {{1, 1, 1, 0, 0, 0}}},
};
static const struct level eq4_levels[] = {
    {6, 1, {{SUBSEQUENT_H, SUBSEQUENT_SAFETY, SUBSEQUENT_SAFETY}}},
    {5, 1, {{SUBSEQUENT_H, SUBSEQUENT_H, SUBSEQUENT_H}}},
    {4, 1, {{SUBSEQUENT_L, SUBSEQUENT_L, SUBSEQUENT_L}}},
};

static int distance_in(const struct level *level, const int *steps, size_t n_steps)
{
        for (int w = 0; w < level->n_worst; w++) {
                int distance = 0;
                bool as_bad = true;

                for (size_t i = 0; i < n_steps; i++) {
                        as_bad = as_bad && steps[i] >= level->worst[w][i];
                        distance += steps[i] - level->worst[w][i];
                }
                if (as_bad)
                        return distance;
        }
        return 0;
}

/* The score of the next lower MacroVector, the higher one of two; -1: there is none. */
static int lower_score(const struct macro *macro, int eq)
{
        static const int least[N_EQS] = {2, 1, EQ36_LEAST, 2, 2};
        static const int next_eq36[EQ36_LEAST][2] = {{1, 2}, {3, 3}, {3, 3}, {4, 4}};
        int level = macro->level[eq], higher = -1;

        if (level == least[eq])
                return -1;
        for (int way = 0; way < 2; way++) {
                struct macro lower = *macro;
                int score_of_lower;

                lower.level[eq] = eq == EQ36 ? next_eq36[level][way] : level + 1;
                score_of_lower = score_of_macro(&lower);
                higher = score_of_lower > higher ? score_of_lower : higher;
        }
        return higher;
}

/* All depths divide it, so that the mean distance is exact. */
enum { COMMON_DEPTH = 840 };

static int score(const int *values)
{
        static const struct level *const levels[N_EQS] = {eq1_levels, eq2_levels, eq36_levels,
                                                          eq4_levels, NULL};
        struct effective e = effective_of(values);
        struct macro macro = macro_of(&e);
        const int *steps[N_EQS] = {e.av_pr_ui, e.ac_at, e.impact, e.subsequent, NULL};
        static const size_t n_steps[N_EQS] = {3, 2, 6, 3, 0};
        int value = score_of_macro(&macro), n_lower = 0, total = 0, parts;

        if (has_no_impact(&e))
                return 0;
        for (int eq = 0; eq < N_EQS; eq++) {
                int lower = lower_score(&macro, eq);
                const struct level *level = levels[eq] ? &levels[eq][macro.level[eq]] : NULL;

                if (lower < 0)
                        continue;
                n_lower++;
                if (level)
                        total += (value - lower) * distance_in(level, steps[eq], n_steps[eq]) *
                                 (COMMON_DEPTH / level->depth);
        }
        if (n_lower == 0)
                return value;
        parts = COMMON_DEPTH * n_lower;
        return (2 * (value * parts - total) + parts) / (2 * parts);
}

const struct cvss_version cvss_4_0 = {"CVSS:4.0/", metrics, ELEMENTSOF(metrics), score};
