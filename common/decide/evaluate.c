/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/evaluate.h"

#include "base/str.h"
#include "base/timetext.h"
#include "decide/approval.h"
#include "decide/carried.h"
#include "decide/compliance.h"
#include "decide/evaluate-private.h"
#include "decide/needs.h"
#include "decide/notes.h"

#include <string.h>

/* Below apt's default of 500 a version is taken only when nothing better is on offer (backports).
 */
enum { ORDINARY_PRIORITY = 500 };

static const char *const state_texts[N_STATES] = {
    [STATE_FAILED] = "failed",
    [STATE_REJECTED] = "rejected",
    [STATE_HELD] = "held",
    [STATE_MISSING] = "missing",
    [STATE_PENDING_APPROVAL] = "pending_approval",
    [STATE_NOT_APPROVED] = "not_approved",
    [STATE_INSTALLED_PENDING_REBOOT] = "installed_pending_reboot",
    [STATE_INSTALLED_REJECTED] = "installed_rejected",
    [STATE_INSTALLED] = "installed",
    [STATE_INSTALLED_OTHER] = "installed_other",
    [STATE_NOT_APPLICABLE] = "not_applicable",
};
const struct enum_table state_names = ENUM_TABLE(state_texts);

void verdict_done(struct verdict *verdict)
{
        strv_done(&verdict->advisories);
        strv_done(&verdict->cves);
        evidence_done(&verdict->evidence);
        free(verdict->reason);
        free(verdict->needs);
        *verdict = (struct verdict){0};
}

int decision_set_state(struct decision *decision, enum state state, char *reason)
{
        free(decision->reason);
        decision->state = state;
        decision->reason = reason;
        return reason ? 0 : -ENOMEM;
}

void decisions_free(struct decisions *decisions)
{
        if (!decisions)
                return;
        for (size_t i = 0; i < decisions->n_items; i++) {
                for (size_t j = 0; j < decisions->items[i].n_verdicts; j++)
                        verdict_done(&decisions->items[i].verdicts[j]);
                free(decisions->items[i].verdicts);
                if (decisions->items[i].current)
                        verdict_done(decisions->items[i].current);
                free(decisions->items[i].current);
                free(decisions->items[i].reason);
        }
        free(decisions->items);
        strv_done(&decisions->unknown_reasons);
        strv_done(&decisions->apply_refusals);
        free(decisions);
}

/* ---- the versions of one package ---- */

static bool is_only_on_request(const struct available *available)
{
        for (size_t i = 0; i < available->n_indexes; i++)
                if (!available->indexes[i]->not_automatic)
                        return false;
        return available->n_indexes > 0;
}

/* apt takes a version of a NotAutomatic source (backports) only when its candidate comes from
 * there; one that a pin keeps away is judged all the same, so that it shows as held. */
static bool is_considered(const struct evaluate_input *input, const struct package *package,
                          const struct available *available)
{
        const struct available *candidate = package->candidate;

        if (package->version &&
            inventory_compare_versions(input->inventory, available->version, package->version) <= 0)
                return false;
        if (available->held_by)
                return !is_only_on_request(available);
        if (available->priority < 0)
                return false;
        if (!candidate)
                return available->priority >= ORDINARY_PRIORITY;
        if (inventory_compare_versions(input->inventory, available->version, candidate->version) >
            0)
                return false;
        return available->priority >= ORDINARY_PRIORITY ||
               available->priority >= candidate->priority;
}

static int prepare_verdict(const struct approval_context *context,
                           const struct available *available, struct verdict *verdict)
{
        const struct evaluate_input *input = context->input;
        struct evidence_sources sources = {.inventory = input->inventory,
                                           .ledger = input->ledger,
                                           .advisories = input->advisories,
                                           .now = input->now};
        int r;

        verdict->available = available;
        r = carried_classify(input, context->package, verdict);
        if (r < 0)
                return r;
        return evidence_for(context->baseline, &sources, context->package, available,
                            &verdict->evidence);
}

static int judge_versions(struct approval_context *context, struct decision *decision)
{
        const struct package *package = context->package;

        if (package->n_available == 0)
                return 0;
        decision->verdicts = calloc(package->n_available, sizeof(*decision->verdicts));
        if (!decision->verdicts)
                return -ENOMEM;
        for (size_t i = 0; i < package->n_available; i++) {
                int r;

                if (!is_considered(context->input, package, &package->available[i]))
                        continue;
                r = prepare_verdict(context, &package->available[i],
                                    &decision->verdicts[decision->n_verdicts++]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Versions stand newest first, so the fixes a version carries stand at and behind it. */
static time_t first_fix_at(const struct approval_context *context, const struct decision *decision,
                           size_t from)
{
        const struct rule *rule = approval_rule(context, &decision->verdicts[from]);
        time_t first = 0;

        for (size_t i = from; rule && i < decision->n_verdicts; i++) {
                time_t released_at = decision->verdicts[i].evidence.released_at;

                if (released_at != 0 && (first == 0 || released_at < first) &&
                    approval_rule(context, &decision->verdicts[i]) == rule)
                        first = released_at;
        }
        return first;
}

static int approve_versions(struct approval_context *context, struct decision *decision)
{
        for (size_t i = 0; i < decision->n_verdicts; i++) {
                struct verdict *verdict = &decision->verdicts[i];
                int r;

                context->first_fix_at = first_fix_at(context, decision, i);
                r = approval_judge(context, verdict);
                if (r < 0)
                        return r;
                if (verdict->is_approved && !decision->target) {
                        decision->target = verdict->available;
                        decision->shown = verdict;
                }
        }
        return 0;
}

/* Without a target: what waits says more than what no rule takes, and that more than a rejection.
 */
static const struct verdict *telling_verdict(const struct decision *decision)
{
        const struct verdict *telling = NULL;

        for (size_t i = 0; i < decision->n_verdicts; i++) {
                const struct verdict *verdict = &decision->verdicts[i];

                if (verdict->rejected_by)
                        continue;
                if (verdict->rule)
                        return verdict;
                telling = telling ?: verdict;
        }
        return telling ?: decision->n_verdicts > 0 ? &decision->verdicts[0] : NULL;
}

/* ---- the state of one package ---- */

/* What the baseline says of the version that is installed already. */
static int judge_current(const struct evaluate_input *input, const struct baseline *baseline,
                         struct decision *decision)
{
        struct approval_context context = {.input = input,
                                           .baseline = baseline,
                                           .package = decision->package,
                                           .missing_feed = compliance_missing_feed(input)};
        int r;

        if (!decision->package->current)
                return 0;
        decision->current = calloc(1, sizeof(*decision->current));
        if (!decision->current)
                return -ENOMEM;
        r = prepare_verdict(&context, decision->package->current, decision->current);
        if (r < 0)
                return r;
        context.first_fix_at = decision->current->evidence.released_at;
        return approval_judge(&context, decision->current);
}

static int set_installed(const struct evaluate_input *input, struct decision *decision)
{
        static const struct run_facts no_runs;
        const struct run_facts *runs = input->runs ?: &no_runs;
        const struct package *package = decision->package;

        if (decision->current && decision->current->is_approved)
                return decision_set_state(decision, STATE_INSTALLED,
                                          strdup(decision->current->reason));
        if (notes_find(runs->installed_by_baseline, runs->n_installed_by_baseline, package,
                       package->version))
                return decision_set_state(decision, STATE_INSTALLED,
                                          strdup("a run of this baseline installed it"));
        if (decision->current)
                return decision_set_state(decision, STATE_INSTALLED_OTHER,
                                          strdup(decision->current->reason));
        return decision_set_state(
            decision, STATE_INSTALLED_OTHER,
            str_format("no configured source offers %s, and no run of this baseline installed it",
                       package->version ?: "it"));
}

/* Nothing newer is judged: only what is installed speaks. */
static int state_of_installed(const struct evaluate_input *input, const struct baseline *baseline,
                              struct decision *decision)
{
        static const struct run_facts no_runs;
        const struct run_facts *runs = input->runs ?: &no_runs;
        const struct package *package = decision->package;
        const struct selector *rejected;
        int r = judge_current(input, baseline, decision);

        if (r < 0)
                return r;
        rejected = approval_rejection(baseline, package, package->version, decision->current);
        if (input->reboot_required && notes_find(runs->updated_this_boot, runs->n_updated_this_boot,
                                                 package, package->version))
                return decision_set_state(decision, STATE_INSTALLED_PENDING_REBOOT,
                                          strdup("updated in this boot, and a reboot is required"));
        if (rejected && !rejected->as_dependency)
                return decision_set_state(decision, STATE_INSTALLED_REJECTED,
                                          str_format("installed, but the policy rejects '%s'%s%s",
                                                     approval_selector_name(rejected),
                                                     rejected->reason ? ": " : "",
                                                     rejected->reason ?: ""));
        return set_installed(input, decision);
}

int decision_judge_shown(const struct evaluate_input *input, struct decision *decision)
{
        CLEANUP(freep) char *hold = NULL;
        const struct verdict *shown = decision->shown;
        const struct package_note *failed = NULL;
        int r;

        if (decision->target && input->runs)
                failed = notes_find(input->runs->failed, input->runs->n_failed, decision->package,
                                    decision->target->version);
        if (failed)
                return decision_set_state(
                    decision, STATE_FAILED,
                    str_format("the last run failed: %s", failed->text ?: "unknown"));
        if (!decision->target && shown->rejected_by)
                return decision_set_state(decision, STATE_REJECTED, strdup(shown->reason));
        r = notes_find_hold(input, decision->package, shown->available, &hold);
        if (r < 0)
                return r;
        if (hold) {
                decision->would_be_missing = decision->target != NULL;
                return decision_set_state(decision, STATE_HELD, TAKE_PTR(hold));
        }
        if (decision->target)
                return decision_set_state(decision, STATE_MISSING, strdup(shown->reason));
        return decision_set_state(decision,
                                  shown->rule ? STATE_PENDING_APPROVAL : STATE_NOT_APPROVED,
                                  strdup(shown->reason));
}

static int decide_package(const struct evaluate_input *input, const struct baseline *baseline,
                          struct decision *decision)
{
        struct approval_context context = {.input = input,
                                           .baseline = baseline,
                                           .package = decision->package,
                                           .missing_feed = compliance_missing_feed(input)};
        int r = judge_versions(&context, decision);

        if (r < 0)
                return r;
        r = approve_versions(&context, decision);
        if (r < 0)
                return r;
        decision->shown = decision->shown ?: telling_verdict(decision);
        return decision->shown ? decision_judge_shown(input, decision)
                               : state_of_installed(input, baseline, decision);
}

/* ---- all of it ---- */

static int decide_all(const struct evaluate_input *input, const struct assignment *assignment,
                      struct decisions *decisions)
{
        static const struct baseline nothing;
        const struct baseline *baseline = assignment ? assignment->baseline : &nothing;
        int r;

        for (size_t i = 0; i < decisions->n_items; i++) {
                decisions->items[i].package = &input->inventory->packages[i];
                r = decide_package(input, baseline, &decisions->items[i]);
                if (r < 0)
                        return r;
        }
        return needs_decide(input, decisions);
}

int evaluate(const struct evaluate_input *input, struct decisions **ret)
{
        CLEANUP(decisions_freep) struct decisions *decisions = calloc(1, sizeof(*decisions));
        const struct assignment *assignment = assignment_for(input->policy, input->node);
        int r;

        if (!decisions)
                return -ENOMEM;
        decisions->items = calloc(input->inventory->n_packages + 1, sizeof(*decisions->items));
        if (!decisions->items)
                return -ENOMEM;
        decisions->n_items = input->inventory->n_packages;
        decisions->assignment = assignment;
        r = decide_all(input, assignment, decisions);
        if (r < 0)
                return r;
        r = compliance_judge(input, decisions);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(decisions);
        return 0;
}

const struct decision *decisions_find(const struct decisions *decisions, const char *name,
                                      const char *arch)
{
        for (size_t i = 0; i < decisions->n_items; i++) {
                const struct package *package = decisions->items[i].package;

                if (strcmp(package->name, name) == 0 && (!arch || strcmp(package->arch, arch) == 0))
                        return &decisions->items[i];
        }
        return NULL;
}
