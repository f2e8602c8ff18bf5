/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "decide/plan.h"

#include <stdio.h>
#include <string.h>

enum { PACKAGES_MAX = 12 };

/* ---- situations ---- */

struct row {
        const char *name, *from, *to;            /* from NULL: new; to NULL: not planned */
        const char *depends, *breaks, *provides; /* of the target */
        const char *old_depends, *old_breaks, *old_provides; /* of what is installed */
        enum severity severity; /* critical and security unless it is something else */
        const char *arch, *needed_by;
};

struct situation {
        struct package packages[PACKAGES_MAX];
        struct available targets[PACKAGES_MAX];
        struct verdict verdicts[PACKAGES_MAX];
        struct decision items[PACKAGES_MAX];
        struct decisions decisions;
};

static char *text(const char *value)
{
        return (char *)(uintptr_t)(value ?: "");
}

static void situation_init(struct situation *situation, const struct row *rows, size_t n)
{
        *situation = (struct situation){.decisions = {.items = situation->items}};
        for (size_t i = 0; i < n && rows[i].name; i++) {
                const struct row *row = &rows[i];
                struct package *package = &situation->packages[i];
                struct available *target = &situation->targets[i];
                struct verdict *verdict = &situation->verdicts[i];

                *package = (struct package){.name = text(row->name),
                                            .arch = text(row->arch ?: "amd64"),
                                            .version = row->from ? text(row->from) : NULL,
                                            .depends = text(row->old_depends),
                                            .breaks = text(row->old_breaks),
                                            .provides = text(row->old_provides)};
                *target = (struct available){.version = text(row->to),
                                             .source = package->name,
                                             .depends = text(row->depends),
                                             .breaks = text(row->breaks),
                                             .provides = text(row->provides)};
                *verdict = (struct verdict){.available = target,
                                            .classification = row->severity == SEVERITY_CRITICAL
                                                                  ? CLASSIFICATION_SECURITY
                                                                  : CLASSIFICATION_OTHER,
                                            .severity = row->severity};
                situation->items[i] =
                    (struct decision){.package = package,
                                      .state = row->to ? STATE_MISSING : STATE_INSTALLED_OTHER,
                                      .target = row->to ? target : NULL,
                                      .shown = verdict};
                for (size_t j = 0; row->needed_by && j < i; j++)
                        if (strcmp(rows[j].name, row->needed_by) == 0)
                                situation->items[i].needed_by = &situation->packages[j];
                situation->decisions.n_items = i + 1;
        }
}

static struct plan *make_plan(const struct situation *situation)
{
        const struct plan_request request = {.all = true};
        struct plan *plan = NULL;

        assert_int_equal(plan_build(&situation->decisions, &request, &plan), 0);
        return plan;
}

static char *describe(const struct plan *plan)
{
        CLEANUP(str_done) struct str found = {0};
        char *result = NULL;

        str_append(&found, "");
        for (size_t i = 0; i < plan->n_steps; i++)
                for (size_t j = 0; j < plan->steps[i].n_items; j++)
                        str_appendf(&found, "%s%s",
                                    j > 0   ? "+"
                                    : i > 0 ? " "
                                            : "",
                                    plan->steps[i].items[j].name);
        assert_int_equal(str_take(&found, &result), 0);
        return result;
}

/* ---- tables ---- */

static const struct {
        const char *label;
        struct row rows[PACKAGES_MAX];
        const char *want; /* steps; what comes together is joined by + */
} cases[] = {
    {"nothing", {{.name = "a", .from = "1"}}, ""},
    {"strangers go alone",
     {{.name = "a", .from = "1", .to = "2"}, {.name = "b", .from = "1", .to = "2"}},
     "a b"},
    {"what is needed goes first",
     {{.name = "a", .from = "1", .to = "2", .depends = "b (>= 2)"},
      {.name = "b", .from = "1", .to = "2"}},
     "b a"},
    {"met by what is there",
     {{.name = "a", .from = "1", .to = "2", .depends = "b (>= 1)"},
      {.name = "b", .from = "1", .to = "2"}},
     "a b"},
    {"both ways",
     {{.name = "a", .from = "1", .to = "2", .depends = "b (>= 2)"},
      {.name = "b", .from = "1", .to = "2", .depends = "a (>= 2)"}},
     "a+b"},
    {"one source, strictly bound",
     {{.name = "bin", .from = "1", .to = "2", .depends = "lib (= 2)", .old_depends = "lib (= 1)"},
      {.name = "dev", .from = "1", .to = "2", .depends = "lib (= 2)", .old_depends = "lib (= 1)"},
      {.name = "lib", .from = "1", .to = "2"}},
     "bin+dev+lib"},
    {"only the new one is strict",
     {{.name = "bin", .from = "1", .to = "2", .depends = "lib (= 2)", .old_depends = "lib"},
      {.name = "lib", .from = "1", .to = "2"}},
     "lib bin"},
    {"a chain",
     {{.name = "a", .from = "1", .to = "2", .depends = "b (>= 2)"},
      {.name = "b", .from = "1", .to = "2", .depends = "c (>= 2)"},
      {.name = "c", .from = "1", .to = "2"}},
     "c b a"},
    {"a ring",
     {{.name = "a", .from = "1", .to = "2", .depends = "b (>= 2)"},
      {.name = "b", .from = "1", .to = "2", .depends = "c (>= 2)"},
      {.name = "c", .from = "1", .to = "2", .depends = "a (>= 2)"}},
     "a+b+c"},
    {"two rings, one needs the other",
     {{.name = "a", .from = "1", .to = "2", .depends = "b (>= 2), c (>= 2)"},
      {.name = "b", .from = "1", .to = "2", .depends = "a (>= 2)"},
      {.name = "c", .from = "1", .to = "2", .depends = "d (>= 2)"},
      {.name = "d", .from = "1", .to = "2", .depends = "c (>= 2)"}},
     "c+d a+b"},
    {"the first alternative that works",
     {{.name = "a", .from = "1", .to = "2", .depends = "x (>= 2) | b (>= 2) | c (>= 2)"},
      {.name = "b", .from = "1", .to = "2"},
      {.name = "c", .from = "1", .to = "2"}},
     "b a c"},
    {"an alternative that is there",
     {{.name = "a", .from = "1", .to = "2", .depends = "b (>= 2) | c (>= 1)"},
      {.name = "b", .from = "1", .to = "2"},
      {.name = "c", .from = "1", .to = "2"}},
     "a b c"},
    {"provided by a target",
     {{.name = "a", .from = "1", .to = "2", .depends = "api-2"},
      {.name = "b", .from = "1", .to = "2", .provides = "api-2", .old_provides = "api-1"}},
     "b a"},
    {"provided in a version",
     {{.name = "a", .from = "1", .to = "2", .depends = "api (>= 2)"},
      {.name = "b", .from = "1", .to = "2", .provides = "api (= 2)", .old_provides = "api (= 1)"}},
     "b a"},
    {"provided without a version meets no relation",
     {{.name = "a", .from = "1", .to = "2", .depends = "api (>= 2)"},
      {.name = "b", .from = "1", .to = "2", .provides = "api"}},
     "a b"},
    {"what is provided now goes away",
     {{.name = "a", .from = "1", .to = "2", .depends = "api-2", .old_depends = "api-1"},
      {.name = "b", .from = "1", .to = "2", .provides = "api-2", .old_provides = "api-1"}},
     "a+b"},
    {"provided by a stranger all the time",
     {{.name = "a", .from = "1", .to = "2", .depends = "api"},
      {.name = "b", .from = "1", .to = "2", .provides = "api"},
      {.name = "c", .from = "1", .old_provides = "api"}},
     "a b"},
    {"breaks what is installed",
     {{.name = "a", .from = "1", .to = "2", .breaks = "b (<< 2)"},
      {.name = "b", .from = "1", .to = "2"}},
     "b a"},
    {"breaks what is older",
     {{.name = "a", .from = "1", .to = "2", .breaks = "b (<< 1)"},
      {.name = "b", .from = "1", .to = "2"}},
     "a b"},
    {"breaks and is needed",
     {{.name = "a", .from = "1", .to = "2", .breaks = "b (<< 2)"},
      {.name = "b", .from = "1", .to = "2", .depends = "a (>= 2)"}},
     "a+b"},
    {"the installed one breaks what comes",
     {{.name = "a", .from = "1", .to = "2"},
      {.name = "b", .from = "1", .to = "2", .old_breaks = "a (>= 2)"}},
     "b a"},
    {"a new package with who needs it",
     {{.name = "meta", .from = "1", .to = "2", .depends = "image-2"},
      {.name = "image-2", .from = NULL, .to = "2", .needed_by = "meta"}},
     "image-2+meta"},
    {"a chain of new packages",
     {{.name = "meta", .from = "1", .to = "2", .depends = "image-2"},
      {.name = "image-2", .from = NULL, .to = "2", .depends = "modules-2", .needed_by = "meta"},
      {.name = "modules-2", .from = NULL, .to = "2", .needed_by = "image-2"}},
     "image-2+meta+modules-2"},
    {"two need a new one: it goes with the first",
     {{.name = "a", .from = "1", .to = "2", .depends = "new"},
      {.name = "b", .from = "1", .to = "2", .depends = "new"},
      {.name = "new", .from = NULL, .to = "2", .needed_by = "a"}},
     "a+new b"},
    {"new ones that need each other",
     {{.name = "a", .from = "1", .to = "2", .depends = "m"},
      {.name = "m", .from = NULL, .to = "2", .depends = "n"},
      {.name = "n", .from = NULL, .to = "2", .depends = "m"}},
     "a+m+n"},
    {"a new one that only the decision names",
     {{.name = "a", .from = "1", .to = "2", .depends = "n | old"},
      {.name = "old", .from = "1"},
      {.name = "n", .from = NULL, .to = "2", .needed_by = "a"}},
     "a+n"},
    {"two architectures of one name",
     {{.name = "lib", .from = "1", .to = "2"},
      {.name = "lib", .from = "1", .to = "2", .arch = "i386"},
      {.name = "z", .from = "1", .to = "2"}},
     "lib+lib z"},
    {"urgent first",
     {{.name = "a", .from = "1", .to = "2", .severity = SEVERITY_LOW},
      {.name = "b", .from = "1", .to = "2", .severity = SEVERITY_HIGH},
      {.name = "c", .from = "1", .to = "2"}},
     "c b a"},
    {"what an urgent one needs comes with it to the front",
     {{.name = "a", .from = "1", .to = "2", .severity = SEVERITY_HIGH},
      {.name = "b", .from = "1", .to = "2", .severity = SEVERITY_LOW},
      {.name = "c", .from = "1", .to = "2", .depends = "b (>= 2)"}},
     "b c a"},
    {"patchd last, with its libraries",
     {{.name = "libcurl4", .from = "1", .to = "2"},
      {.name = "patchd", .from = "1", .to = "2", .old_depends = "libcurl4 (>= 1)"},
      {.name = "z", .from = "1", .to = "2", .severity = SEVERITY_LOW}},
     "z libcurl4+patchd"},
    {"and with what needs these",
     {{.name = "curl", .from = "1", .to = "2", .depends = "libcurl4 (>= 2)"},
      {.name = "libcurl4", .from = "1", .to = "2"},
      {.name = "patchd", .from = "1", .to = "2", .old_depends = "libcurl4 (>= 1)"},
      {.name = "z", .from = "1", .to = "2", .severity = SEVERITY_LOW}},
     "z curl+libcurl4+patchd"},
    {"the libraries without patchd go last, each alone",
     {{.name = "curl", .from = "1", .to = "2", .depends = "libcurl4 (>= 2)"},
      {.name = "libcurl4", .from = "1", .to = "2"},
      {.name = "patchd", .from = "1", .old_depends = "libcurl4 (>= 1), libz"},
      {.name = "libz", .from = "1", .to = "2"},
      {.name = "z", .from = "1", .to = "2", .severity = SEVERITY_LOW}},
     "z libcurl4 curl libz"},
};

static void test_steps(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(plan_freep) struct plan *plan = NULL;
                CLEANUP(freep) char *found = NULL;
                struct situation situation;

                situation_init(&situation, cases[i].rows, PACKAGES_MAX);
                plan = make_plan(&situation);
                found = describe(plan);
                if (strcmp(found, cases[i].want) != 0)
                        fail_msg("%s: '%s', wanted '%s'", cases[i].label, found, cases[i].want);
                for (size_t j = 0; j + 1 < plan->n_steps; j++)
                        assert_false(plan->steps[j].is_self);
        }
}

/* ---- properties ---- */

enum { FIELD_MAX = 256, N_RUNS = 3000 };

/* splitmix64 */
static int below(uint64_t *state, int n)
{
        uint64_t z = *state += 0x9e3779b97f4a7c15U;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
        z = (z ^ z >> 27) * 0x94d049bb133111ebU;
        return (int)((z ^ z >> 31) % (uint64_t)n);
}

/* "other" has to be at `version` or above or below it; a version of 0: not there. */
struct bond {
        int other, alternative; /* alternative -1: none */
        int relation;           /* 0: >=, 1: =, 2: << */
        int version;
        bool is_break;
};

enum { BONDS_MAX = 4 };

/* A world of packages p0.. whose constraints hold before and after the plan. */
struct world {
        int n;
        int from[PACKAGES_MAX], to[PACKAGES_MAX];      /* equal: not planned; from 0: new */
        struct bond bonds[2][PACKAGES_MAX][BONDS_MAX]; /* of the installed version, of the target */
        int n_bonds[2][PACKAGES_MAX];
        char names[PACKAGES_MAX][16], versions[PACKAGES_MAX][2][16];
        char fields[PACKAGES_MAX][4][FIELD_MAX]; /* depends and breaks, old and new */
        struct row rows[PACKAGES_MAX];
};

static bool compares(const struct bond *bond, int version)
{
        switch (bond->relation) {
        case 0:
                return version >= bond->version;
        case 1:
                return version == bond->version;
        default:
                return version > 0 && version < bond->version;
        }
}

static bool holds(const struct bond *bond, const int *versions)
{
        bool met = versions[bond->other] > 0 && compares(bond, versions[bond->other]);

        if (bond->is_break)
                return !met;
        return met || (bond->alternative >= 0 && versions[bond->alternative] > 0 &&
                       compares(bond, versions[bond->alternative]));
}

static bool is_consistent(const struct world *world, const int *versions)
{
        for (int i = 0; i < world->n; i++) {
                int which = versions[i] == world->to[i];

                for (int j = 0; versions[i] > 0 && j < world->n_bonds[which][i]; j++)
                        if (!holds(&world->bonds[which][i][j], versions))
                                return false;
        }
        return true;
}

static void add_bond(struct world *world, uint64_t *chance, int which, int i, bool simple)
{
        struct bond bond = {.other = below(chance, world->n),
                            .alternative =
                                simple || below(chance, 3) ? -1 : below(chance, world->n),
                            .relation = below(chance, 3),
                            .version = 1 + below(chance, 3),
                            .is_break = below(chance, 3) == 0};
        static const char *const relations[] = {">=", "=", "<<"};
        char *field = world->fields[i][which * 2 + bond.is_break];
        size_t used = strlen(field);

        if (bond.is_break)
                bond.alternative = -1;
        if (bond.other == i || bond.alternative == i ||
            !holds(&bond, which == 0 ? world->from : world->to))
                return;
        world->bonds[which][i][world->n_bonds[which][i]++] = bond;
        used += (size_t)snprintf(field + used, FIELD_MAX - used, "%s%s (%s %d)", used ? ", " : "",
                                 world->names[bond.other], relations[bond.relation], bond.version);
        if (bond.alternative >= 0)
                (void)snprintf(field + used, FIELD_MAX - used, " | %s (%s %d)",
                               world->names[bond.alternative], relations[bond.relation],
                               bond.version);
}

static void make_world(struct world *world, uint64_t seed, bool simple)
{
        uint64_t chance = seed;

        *world = (struct world){.n = 2 + below(&chance, simple ? 6 : PACKAGES_MAX - 2)};
        for (int i = 0; i < world->n; i++) {
                world->from[i] = !simple && below(&chance, 6) == 0 ? 0 : 1 + below(&chance, 2);
                world->to[i] = world->from[i] + (world->from[i] == 0 || below(&chance, 4) > 0);
                (void)snprintf(world->names[i], sizeof(world->names[i]), "p%d", i);
                (void)snprintf(world->versions[i][0], 16, "%d", world->from[i]);
                (void)snprintf(world->versions[i][1], 16, "%d", world->to[i]);
        }
        for (int i = 0; i < world->n; i++) {
                for (int which = world->from[i] == 0; which < 2; which++)
                        for (int n = below(&chance, BONDS_MAX); n > 0; n--)
                                if (world->from[i] != world->to[i] || which == 1)
                                        add_bond(world, &chance, which, i, simple);
                /* what isn't planned has one version only */
                if (world->from[i] == world->to[i])
                        world->n_bonds[1][i] = 0;
                world->rows[i] = (struct row){
                    .name = world->names[i],
                    .from = world->from[i] > 0 ? world->versions[i][0] : NULL,
                    .to = world->from[i] != world->to[i] ? world->versions[i][1] : NULL,
                    .old_depends = world->fields[i][0],
                    .old_breaks = world->fields[i][1],
                    .depends = world->fields[i][2],
                    .breaks = world->fields[i][3],
                    .severity = (enum severity)below(&chance, 5)};
        }
}

static int number_of(const struct plan_item *item)
{
        return (int)strtol(item->name + 1, NULL, 10);
}

static void check_once(uint64_t seed, const struct world *world, const struct plan *plan)
{
        int seen[PACKAGES_MAX] = {0};

        for (size_t i = 0; i < plan->n_steps; i++) {
                assert_true(plan->steps[i].n_items > 0);
                for (size_t j = 0; j < plan->steps[i].n_items; j++)
                        seen[number_of(&plan->steps[i].items[j])]++;
        }
        for (int i = 0; i < world->n; i++)
                if (seen[i] != (world->from[i] != world->to[i]))
                        fail_msg("seed %llu: p%d is planned %d times", (unsigned long long)seed, i,
                                 seen[i]);
}

/* No part of the step, but for none and all of it, would do by itself. */
static void check_smallest(uint64_t seed, const struct world *world, const int *before,
                           const struct plan_step *step)
{
        for (unsigned subset = 1; subset + 1 < 1U << step->n_items; subset++) {
                int versions[PACKAGES_MAX];

                memcpy(versions, before, sizeof(versions));
                for (size_t i = 0; i < step->n_items; i++)
                        if (subset & 1U << i)
                                versions[number_of(&step->items[i])]++;
                if (is_consistent(world, versions))
                        fail_msg("seed %llu: a step of %zu could be smaller",
                                 (unsigned long long)seed, step->n_items);
        }
}

static void check_world(uint64_t seed, bool simple, size_t *n_steps, size_t *n_big)
{
        CLEANUP(plan_freep) struct plan *plan = NULL, *again = NULL;
        CLEANUP(freep) char *one = NULL, *two = NULL;
        struct situation situation;
        struct world world;
        int versions[PACKAGES_MAX];

        make_world(&world, seed, simple);
        memcpy(versions, world.from, sizeof(versions));
        if (!is_consistent(&world, versions) || !is_consistent(&world, world.to))
                return;
        situation_init(&situation, world.rows, (size_t)world.n);
        plan = make_plan(&situation);
        again = make_plan(&situation);
        one = describe(plan);
        two = describe(again);
        assert_string_equal(one, two);
        check_once(seed, &world, plan);
        for (size_t i = 0; i < plan->n_steps; i++) {
                if (simple)
                        check_smallest(seed, &world, versions, &plan->steps[i]);
                for (size_t j = 0; j < plan->steps[i].n_items; j++) {
                        int number = number_of(&plan->steps[i].items[j]);

                        versions[number] = world.to[number];
                }
                if (!is_consistent(&world, versions))
                        fail_msg("seed %llu: step %zu of '%s' leaves something unmet",
                                 (unsigned long long)seed, i, one);
                *n_big += plan->steps[i].n_items > 1;
        }
        *n_steps += plan->n_steps;
}

static void test_properties(void **state)
{
        size_t n_steps = 0, n_big = 0;

        (void)state;
        for (uint64_t seed = 1; seed <= N_RUNS; seed++) {
                check_world(seed, true, &n_steps, &n_big);
                check_world(seed, false, &n_steps, &n_big);
        }
        assert_true(n_steps > N_RUNS && n_big > N_RUNS / 10);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_steps),
            cmocka_unit_test(test_properties),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
