/* SPDX-License-Identifier: Apache-2.0 */

/* usage: test_decide_properties [N]: what holds for every judging situation, tried on N of them
 * that chance makes up. A failure names the seed. */

#include "support.h"

#include "base/json.h"
#include "base/timetext.h"
#include "decide/plan.h"
#include "random_scenario.h"
#include "scenario.h"

#include <string.h>

enum { DEFAULT_RUNS = 1000 };

static size_t n_runs = DEFAULT_RUNS;

/* How often something came up that a property speaks of: a test that never met it proves nothing.
 */
static struct {
        size_t n_approved, n_by_rule, n_pending, n_future, n_unknown, n_planned, n_rejected;
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

static void check_plan(uint64_t seed, const struct decisions *decisions)
{
        CLEANUP(plan_freep) struct plan *plan = NULL;
        struct plan_request request = {.all = true};

        assert_int_equal(plan_build(decisions, &request, &plan), 0);
        met.n_planned += plan_n_items(plan);
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
