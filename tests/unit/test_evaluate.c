/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/json.h"
#include "base/timetext.h"
#include "decide/plan.h"
#include "decide/waiting.h"
#include "scenario.h"

#include <string.h>

struct check {
        const char *label;
        const struct decisions *decisions;
};

static const char *text_of(const struct decision *decision, const char *what)
{
        const struct verdict *shown = decision->shown;

        if (strcmp(what, "state") == 0)
                return enum_name(&state_names, (int)decision->state);
        if (strcmp(what, "target") == 0)
                return decision->target ? decision->target->version : NULL;
        if (strcmp(what, "candidate") == 0)
                return decision->package->candidate ? decision->package->candidate->version : NULL;
        if (strcmp(what, "rule") == 0)
                return shown && shown->rule ? shown->rule->name : NULL;
        if (strcmp(what, "classification") == 0)
                return shown ? enum_name(&classification_names, (int)shown->classification) : NULL;
        if (strcmp(what, "severity") == 0)
                return shown ? enum_name(&severity_names, (int)shown->severity) : NULL;
        if (strcmp(what, "date_source") == 0)
                return shown && shown->evidence.released_at
                           ? enum_name(&date_source_names, (int)shown->evidence.source)
                           : NULL;
        fail_msg("no such expectation: %s", what);
        return NULL;
}

static void check_approve_at(const char *label, const char *want, const struct verdict *shown)
{
        char text[TIME_TEXT_SIZE];
        const char *found =
            shown && shown->approve_at ? time_to_rfc3339(shown->approve_at, text) : NULL;

        if (want ? !found || strcmp(found, want) != 0 : found != NULL)
                fail_msg("%s: approve_at %s, wanted %s", label, found ?: "null", want ?: "null");
}

/* "DSA-1-1 DSA-2-1": all of them, in order */
static void check_joined(const char *label, const char *what, const char *want,
                         const struct strv *found)
{
        CLEANUP(freep) char *text = NULL;

        assert_int_equal(strv_join(found, " ", &text), 0);
        if (strcmp(text, want) != 0)
                fail_msg("%s: %s '%s', wanted '%s'", label, what, text, want);
}

struct package_check {
        const char *label;
        const struct decision *decision;
};

static int check_value(const char *what, const struct json *value, void *arg)
{
        const struct package_check *check = arg;
        const char *want = json_string(value), *found;

        if (strcmp(what, "reason") == 0) {
                if (!strstr(check->decision->reason, want))
                        fail_msg("%s: reason '%s'", check->label, check->decision->reason);
                return 0;
        }
        if (strcmp(what, "evidence") == 0) {
                if (strcmp(check->decision->shown->evidence.text, want) != 0)
                        fail_msg("%s: evidence '%s'", check->label,
                                 check->decision->shown->evidence.text);
                return 0;
        }
        if (strcmp(what, "approve_at") == 0) {
                check_approve_at(check->label, want, check->decision->shown);
                return 0;
        }
        if (strcmp(what, "advisories") == 0 || strcmp(what, "cves") == 0) {
                const struct verdict *shown = check->decision->shown;

                check_joined(check->label, what, want,
                             what[0] == 'a' ? &shown->advisories : &shown->cves);
                return 0;
        }
        found = text_of(check->decision, what);
        if (want ? !found || strcmp(found, want) != 0 : found != NULL)
                fail_msg("%s: %s is %s, wanted %s (%s)", check->label, what, found ?: "null",
                         want ?: "null", check->decision->reason);
        return 0;
}

static int check_package(const char *name, const struct json *want, void *arg)
{
        const struct check *check = arg;
        struct package_check package = {.label = check->label};

        package.decision = decisions_find(check->decisions, name, NULL);
        if (!package.decision)
                fail_msg("%s: no decision on %s", check->label, name);
        return json_for_each_member(want, check_value, &package);
}

static bool says(const struct strv *strv, const char *want)
{
        for (size_t i = 0; i < strv->n_items; i++)
                if (strstr(strv->items[i], want))
                        return true;
        return false;
}

static void check_node(const char *label, const struct decisions *decisions,
                       const struct json *want)
{
        const char *status = json_get_string(want, "status");
        const char *unknown = json_get_string(want, "unknown");
        const char *refusal = json_get_string(want, "refusal");

        if (status && strcmp(enum_name(&compliance_names, (int)decisions->compliance), status) != 0)
                fail_msg("%s: %s, wanted %s (%s)", label,
                         enum_name(&compliance_names, (int)decisions->compliance), status,
                         decisions->unknown_reasons.n_items > 0
                             ? decisions->unknown_reasons.items[0]
                             : "no reason");
        if (unknown && !says(&decisions->unknown_reasons, unknown))
                fail_msg("%s: does not say '%s'", label, unknown);
        if (refusal ? decisions->may_apply || !says(&decisions->apply_refusals, refusal)
                    : !decisions->may_apply)
                fail_msg("%s: may_apply %d, wanted refusal %s", label, decisions->may_apply,
                         refusal ?: "none");
        if (json_get(want, "overdue") &&
            decisions->is_overdue != json_get_bool(want, "overdue", false))
                fail_msg("%s: overdue %d", label, decisions->is_overdue);
}

static void check_plan(const char *label, const struct decisions *decisions,
                       const struct json *want)
{
        CLEANUP(plan_freep) struct plan *plan = NULL;
        struct plan_request request = {.all = true};
        int64_t n = json_get_int(want, "plan", -1);

        assert_int_equal(plan_build(decisions, &request, &plan), 0);
        if (n >= 0 && (int64_t)plan_n_items(plan) != n)
                fail_msg("%s: %zu items planned, wanted %lld", label, plan_n_items(plan),
                         (long long)n);
        for (size_t i = 0; i < decisions->n_items; i++) {
                const struct decision *decision = &decisions->items[i];

                if (decision->state != STATE_MISSING && decision->state != STATE_FAILED &&
                    plan_find(plan, decision->package->name, decision->package->arch))
                        fail_msg("%s: %s is planned in state %s", label, decision->package->name,
                                 enum_name(&state_names, (int)decision->state));
        }
}

/* "a=3 b=2": all of them, in order */
static void check_waiting(const char *label, const struct decisions *decisions, bool only_unread,
                          const char *want)
{
        CLEANUP(strv_done) struct strv found = {0};
        struct plan_step step = {0};

        if (!want)
                return;
        assert_int_equal(waiting_list(decisions, only_unread, &step), 0);
        for (size_t i = 0; i < step.n_items; i++)
                assert_int_equal(
                    strv_addf(&found, "%s=%s", step.items[i].name, step.items[i].version_to), 0);
        free(step.items);
        check_joined(label, only_unread ? "unread" : "waiting", want, &found);
}

static void run_case(const struct json *base, const struct json *one)
{
        CLEANUP(decisions_freep) struct decisions *decisions = NULL;
        const char *label = json_get_string(one, "label");
        const struct json *want = json_get(one, "want");
        struct scenario scenario;
        struct check check;

        scenario_init(&scenario, base, one);
        assert_int_equal(evaluate(&scenario.input, &decisions), 0);
        check = (struct check){.label = label, .decisions = decisions};
        check_node(label, decisions, want);
        check_plan(label, decisions, want);
        check_waiting(label, decisions, true, json_get_string(want, "unread"));
        check_waiting(label, decisions, false, json_get_string(want, "waiting"));
        (void)json_for_each_member(json_get(want, "packages"), check_package, &check);
        scenario_done(&scenario);
}

static void run_file(const char *name)
{
        CLEANUP(json_freep) struct json *file = scenario_load_file(name);
        const struct json *cases = json_get(file, "cases");

        assert_true(json_length(cases) > 0);
        for (size_t i = 0; i < json_length(cases); i++)
                run_case(json_get(file, "base"), json_at(cases, i));
}

static void test_scenarios(void **state)
{
        (void)state;
        run_file("decide/scenarios.json");
}

static void test_dates(void **state)
{
        (void)state;
        run_file("decide/dates.json");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_scenarios),
            cmocka_unit_test(test_dates),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
