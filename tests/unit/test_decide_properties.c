/* SPDX-License-Identifier: Apache-2.0 */

/* usage: test_decide_properties [N]: what holds for every judging situation, tried on N of them
 * that chance makes up. A failure names the seed. */

#include "support.h"

#include "base/json.h"
#include "base/timetext.h"
#include "decide/plan.h"
#include "packages/dependency.h"
#include "random_scenario.h"
#include "scenario.h"

#include <string.h>

enum { DEFAULT_RUNS = 1000 };

static size_t n_runs = DEFAULT_RUNS;

/* How often something came up that a property speaks of: a test that never met it proves nothing.
 */
static struct {
        size_t n_approved, n_by_rule, n_pending, n_future, n_unknown, n_planned, n_rejected;
        size_t n_blocked, n_fallen_back, n_unblocked;
} met;

struct situation {
        uint64_t seed;
        struct json *json;
        struct scenario scenario;
};

static void situation_init(struct situation *situation, uint64_t seed, bool more_rejected)
{
        CLEANUP(freep) char *text = random_scenario(seed, more_rejected);
        struct diag diag = {0};

        assert_non_null(text);
        situation->seed = seed;
        if (json_parse(text, strlen(text), &situation->json, &diag) < 0)
                fail_msg("seed %llu: %s: %s", (unsigned long long)seed, diag.text, text);
        scenario_init(&situation->scenario, situation->json, situation->json);
}

static void situation_done(struct situation *situation)
{
        scenario_done(&situation->scenario);
        json_free(situation->json);
}

static struct decisions *judge(struct situation *situation)
{
        struct decisions *decisions = NULL;

        assert_int_equal(evaluate(&situation->scenario.input, &decisions), 0);
        return decisions;
}

/* Whether a version of an installed package is approved. What is new is approved for what needs it,
 * and changes with that. */
static bool is_approved(const struct decisions *decisions, const struct package *package,
                        const char *version)
{
        const struct decision *decision = decisions_find(decisions, package->name, package->arch);

        for (size_t i = 0; i < decision->n_verdicts; i++)
                if (strcmp(decision->verdicts[i].available->version, version) == 0)
                        return decision->verdicts[i].is_approved;
        return false;
}

/* Whatever `narrow` approves, `wide` approves. */
static void check_no_more(const char *what, uint64_t seed, const struct decisions *narrow,
                          const struct decisions *wide)
{
        for (size_t i = 0; i < narrow->n_items; i++) {
                const struct decision *decision = &narrow->items[i];

                for (size_t j = 0; j < decision->n_verdicts && decision->package->version; j++) {
                        const struct verdict *verdict = &decision->verdicts[j];

                        if (verdict->is_approved &&
                            !is_approved(wide, decision->package, verdict->available->version))
                                fail_msg("seed %llu: %s: %s %s (%s)", (unsigned long long)seed,
                                         what, decision->package->name, verdict->available->version,
                                         verdict->reason);
                }
        }
}

static void for_each_seed(void (*check)(uint64_t seed))
{
        for (uint64_t seed = 1; seed <= n_runs; seed++)
                check(seed);
}

/* ---- moving now forward never un-approves ---- */

static bool is_installable(const struct decision *decision)
{
        return decision->package->version && decision->target && !decision->is_blocked &&
               (decision->state == STATE_MISSING || decision->state == STATE_FAILED);
}

/* With more approved, what could be installed still can, where packages need others at a version or
 * later and break none. */
static void check_still_installable(uint64_t seed, const struct decisions *before,
                                    const struct decisions *after)
{
        for (size_t i = 0; i < before->n_items; i++) {
                const struct decision *was = &before->items[i], *is = &after->items[i];

                met.n_unblocked += was->is_blocked && is_installable(is);
                if (RANDOM_SCENARIO_IS_SIMPLE(seed) && is_installable(was) &&
                    is->state != STATE_HELD &&
                    (!is_installable(is) || strcmp(is->target->version, was->target->version) < 0))
                        fail_msg("seed %llu: %s could be installed before more was approved: %s",
                                 (unsigned long long)seed, was->package->name, is->reason);
        }
}

static void check_time(uint64_t seed)
{
        static const int hours[] = {1, 5, 24, 50, 7 * 24, 10 * 24, 30 * 24, 61 * 24, 900 * 24};
        struct decisions *before;
        struct situation situation;

        situation_init(&situation, seed, false);
        before = judge(&situation);
        for (size_t i = 0; i < ELEMENTSOF(hours); i++) {
                struct decisions *after;

                situation.scenario.input.now =
                    RANDOM_SCENARIO_NOW + (time_t)hours[i] * SECONDS_PER_HOUR;
                after = judge(&situation);
                check_no_more("approved before, not later", seed, before, after);
                check_still_installable(seed, before, after);
                decisions_free(before);
                before = after;
        }
        decisions_free(before);
        situation_done(&situation);
}

static void test_time(void **state)
{
        (void)state;
        for_each_seed(check_time);
}

/* ---- adding a rejection never approves ---- */

static void check_rejection(uint64_t seed)
{
        CLEANUP(decisions_freep) struct decisions *with = NULL;
        CLEANUP(decisions_freep) struct decisions *without = NULL;
        struct situation one, other;

        situation_init(&one, seed, false);
        situation_init(&other, seed, true);
        without = judge(&one);
        with = judge(&other);
        check_no_more("approved by one rejection more", seed, with, without);
        for (size_t i = 0; i < with->n_items; i++)
                for (size_t j = 0; j < with->items[i].n_verdicts; j++) {
                        met.n_rejected += with->items[i].verdicts[j].rejected_by != NULL;
                        if (with->items[i].verdicts[j].rejected_by)
                                assert_false(with->items[i].verdicts[j].is_approved);
                }
        situation_done(&one);
        situation_done(&other);
}

static void test_rejection(void **state)
{
        (void)state;
        for_each_seed(check_rejection);
}

/* ---- withholding the feed never approves ---- */

static void check_withheld(uint64_t seed)
{
        CLEANUP(decisions_freep) struct decisions *with = NULL;
        CLEANUP(decisions_freep) struct decisions *without = NULL;
        struct situation situation;

        situation_init(&situation, seed, false);
        if (situation.scenario.policy->n_feeds > 0 && situation.scenario.advisories) {
                with = judge(&situation);
                situation.scenario.input.advisories = NULL;
                without = judge(&situation);
                check_no_more("approved by withholding the feed", seed, without, with);
                assert_int_equal(without->compliance, COMPLIANCE_UNKNOWN);
        }
        situation_done(&situation);
}

static void test_withheld(void **state)
{
        (void)state;
        for_each_seed(check_withheld);
}

/* ---- what holds in every one ---- */

static void check_verdict(uint64_t seed, const struct baseline *baseline,
                          const struct verdict *verdict)
{
        const struct rule *rule = verdict->rule;
        bool by_rule = verdict->is_approved && !verdict->approved_by;

        met.n_approved += verdict->is_approved;
        met.n_by_rule += by_rule;
        met.n_pending += rule && !verdict->is_approved;
        met.n_future += verdict->evidence.is_future;
        met.n_unknown += verdict->evidence.released_at == 0;
        assert_non_null(verdict->reason);
        assert_true(verdict->evidence.released_at <= RANDOM_SCENARIO_NOW);
        if (by_rule)
                assert_non_null(rule);
        if (by_rule && baseline->unknown_date == UNKNOWN_DATE_HOLD &&
            verdict->evidence.released_at == 0 &&
            (rule->approve_after_days != 0 || rule->rollout_hours != 0))
                fail_msg("seed %llu: an unknown date passed %s: %s", (unsigned long long)seed,
                         rule->name, verdict->reason);
        if (by_rule && verdict->approve_at > RANDOM_SCENARIO_NOW)
                fail_msg("seed %llu: approved too early: %s", (unsigned long long)seed,
                         verdict->reason);
}

static void check_decision(uint64_t seed, const struct inventory *inventory,
                           const struct baseline *baseline, const struct decision *decision)
{
        const struct package *package = decision->package;

        for (size_t i = 0; i < decision->n_verdicts && package->version; i++)
                check_verdict(seed, baseline, &decision->verdicts[i]);
        if (!decision->target)
                return;
        if (package->version &&
            inventory_compare_versions(inventory, decision->target->version, package->version) <= 0)
                fail_msg("seed %llu: the target of %s is not newer", (unsigned long long)seed,
                         package->name);
        if (!decision->shown || decision->shown->available != decision->target ||
            !decision->shown->is_approved || decision->shown->rejected_by)
                fail_msg("seed %llu: the target of %s is not approved", (unsigned long long)seed,
                         package->name);
}

/* What the package would have once the plan is done. */
struct state_after {
        const char *version; /* NULL: not there */
        const char *depends, *breaks, *provides;
};

static struct state_after after_plan(const struct decision *decision, const struct plan *plan)
{
        const struct package *package = decision->package;
        const struct plan_item *item = plan ? plan_find(plan, package->name, package->arch) : NULL;

        if (item)
                return (struct state_after){item->version_to, item->target->depends,
                                            item->target->breaks, item->target->provides};
        return (struct state_after){package->version, package->depends, package->breaks,
                                    package->provides};
}

struct search {
        const struct decisions *decisions;
        const struct plan *plan; /* NULL: as it is now */
        const struct decision *owner;
        const struct dependency *dependency;
        size_t group;
        bool is_met;
};

static int provides_it(const struct dependency *provided, void *arg)
{
        const struct search *search = arg;

        return strcmp(provided->name, search->dependency->name) == 0 &&
               dependency_accepts(search->dependency,
                                  provided->version[0] ? provided->version : NULL);
}

static bool is_there(struct search *search, const struct dependency *dependency,
                     const struct decision *but)
{
        search->dependency = dependency;
        for (size_t i = 0; i < search->decisions->n_items; i++) {
                const struct decision *decision = &search->decisions->items[i];
                struct state_after state = after_plan(decision, search->plan);

                if (!state.version || decision == but)
                        continue;
                if ((strcmp(decision->package->name, dependency->name) == 0 &&
                     dependency_accepts(dependency, state.version)) ||
                    dependency_for_each(state.provides ?: "", provides_it, search) != 0)
                        return true;
        }
        return false;
}

static int look_at_need(const struct dependency *dependency, void *arg)
{
        struct search *search = arg;

        if (dependency->group == search->group && is_there(search, dependency, NULL))
                search->is_met = true;
        return dependency->group > search->group;
}

static int look_at_break(const struct dependency *dependency, void *arg)
{
        struct search *search = arg;

        return is_there(search, dependency, search->owner);
}

static bool is_met(struct search search, const char *depends, size_t group)
{
        search.group = group;
        (void)dependency_for_each(depends, look_at_need, &search);
        return search.is_met;
}

/* No dependency is unmet after the plan, and nothing broken, that was not so before. */
static void check_whole(uint64_t seed, const struct decisions *decisions, const struct plan *plan,
                        const struct decision *owner)
{
        struct search now = {.decisions = decisions, .owner = owner};
        struct search then = {.decisions = decisions, .owner = owner, .plan = plan};
        struct state_after state = after_plan(owner, plan);
        bool moves = plan_find(plan, owner->package->name, owner->package->arch) != NULL;

        if (!state.version)
                return;
        if (state.depends && state.depends[0] && !is_met(then, state.depends, 0) &&
            (moves || is_met(now, state.depends, 0)))
                fail_msg("seed %llu: after the plan %s %s lacks %s", (unsigned long long)seed,
                         owner->package->name, state.version, state.depends);
        if (dependency_for_each(state.breaks ?: "", look_at_break, &then) != 0 &&
            (moves || dependency_for_each(state.breaks ?: "", look_at_break, &now) == 0))
                fail_msg("seed %llu: after the plan %s %s breaks %s", (unsigned long long)seed,
                         owner->package->name, state.version, state.breaks);
}

static void count_blocked(const struct decision *decision)
{
        met.n_blocked += decision->is_blocked;
        for (size_t i = 0; i < decision->n_verdicts; i++)
                met.n_fallen_back += is_installable(decision) && decision->verdicts[i].needs;
        if (decision->is_blocked)
                assert_true(decision->reason[0] != '\0');
}

static void check_plan(uint64_t seed, const struct decisions *decisions)
{
        CLEANUP(plan_freep) struct plan *plan = NULL;
        struct plan_request request = {.all = true};

        assert_int_equal(plan_build(decisions, &request, &plan), 0);
        met.n_planned += plan_n_items(plan);
        for (size_t i = 0; i < decisions->n_items; i++) {
                count_blocked(&decisions->items[i]);
                check_whole(seed, decisions, plan, &decisions->items[i]);
        }
        for (size_t i = 0; i < plan->n_steps; i++)
                for (size_t j = 0; j < plan->steps[i].n_items; j++) {
                        const struct plan_item *item = &plan->steps[i].items[j];
                        const struct decision *decision =
                            decisions_find(decisions, item->name, item->arch);

                        if (!decision->shown->is_approved || decision->shown->rejected_by ||
                            decision->is_blocked || decision->target != item->target ||
                            strcmp(decision->target->version, item->version_to) != 0)
                                fail_msg("seed %llu: %s is planned: %s", (unsigned long long)seed,
                                         item->name, decision->reason);
                }
}

static void check_always(uint64_t seed)
{
        CLEANUP(decisions_freep) struct decisions *decisions = NULL;
        struct situation situation;

        situation_init(&situation, seed, false);
        decisions = judge(&situation);
        for (size_t i = 0; i < decisions->n_items; i++)
                check_decision(seed, situation.scenario.inventory, decisions->assignment->baseline,
                               &decisions->items[i]);
        check_plan(seed, decisions);
        situation_done(&situation);
}

static void test_always(void **state)
{
        (void)state;
        for_each_seed(check_always);
}

/* Every case that the properties are about came up, one in a hundred times at least. */
static void test_met(void **state)
{
        const size_t enough = n_runs / 100 + 1;

        (void)state;
        assert_true(met.n_approved >= enough && met.n_by_rule >= enough);
        assert_true(met.n_pending >= enough && met.n_future >= enough && met.n_unknown >= enough);
        assert_true(met.n_planned >= enough && met.n_rejected >= enough);
        assert_true(met.n_blocked >= enough && met.n_fallen_back > 0 && met.n_unblocked > 0);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_time),     cmocka_unit_test(test_rejection),
            cmocka_unit_test(test_withheld), cmocka_unit_test(test_always),
            cmocka_unit_test(test_met),
        };

        if (argc > 1)
                n_runs = strtoul(argv[1], NULL, 10);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
