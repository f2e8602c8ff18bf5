/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/approval.h"

#include "base/digest.h"
#include "base/str.h"
#include "base/timetext.h"

#include <fnmatch.h>
#include <string.h>

/* ---- rules and lists ---- */

bool approval_filter_matches(const struct filter *filter, const struct package *package,
                             const struct verdict *verdict)
{
        if (filter->packages.n_items > 0 && !strv_matches(&filter->packages, package->name))
                return false;
        if (filter->classifications && !(filter->classifications & 1U << verdict->classification))
                return false;
        return !filter->severities || filter->severities & 1U << verdict->severity;
}

const struct rule *approval_rule(const struct approval_context *context,
                                 const struct verdict *verdict)
{
        const struct baseline *baseline = context->baseline;

        if (!approval_filter_matches(&baseline->filter, context->package, verdict))
                return NULL;
        for (size_t i = 0; i < baseline->n_rules; i++)
                if (approval_filter_matches(&baseline->rules[i].filter, context->package, verdict))
                        return &baseline->rules[i];
        return NULL;
}

const struct selector *approval_selector(const struct selector *selectors, size_t n_selectors,
                                         const struct package *package, const char *version,
                                         const struct verdict *verdict)
{
        for (size_t i = 0; i < n_selectors; i++) {
                const struct selector *selector = &selectors[i];

                if (selector->cve && verdict && strv_contains(&verdict->cves, selector->cve))
                        return selector;
                if (selector->advisory && verdict &&
                    strv_contains(&verdict->advisories, selector->advisory))
                        return selector;
                if (selector->package && fnmatch(selector->package, package->name, 0) == 0 &&
                    (!selector->version || (version && strcmp(selector->version, version) == 0)))
                        return selector;
        }
        return NULL;
}

const char *approval_selector_name(const struct selector *selector)
{
        const char *advisory = selector->advisory ?: selector->cve;

        return selector->package ?: advisory;
}

const struct selector *approval_rejection(const struct baseline *baseline,
                                          const struct package *package, const char *version,
                                          const struct verdict *verdict)
{
        const struct selector *list = baseline->rejected, *first = NULL, *found;
        size_t n = baseline->n_rejected;

        while ((found = approval_selector(list, n, package, version, verdict))) {
                if (!found->as_dependency)
                        return found;
                first = first ?: found;
                n -= (size_t)(found + 1 - list);
                list = found + 1;
        }
        return first;
}

/* ---- time ---- */

int64_t approval_rollout_seconds(const struct evaluate_input *input, const struct rule *rule,
                                 const struct package *package)
{
        CLEANUP(freep) char *key = NULL;
        char sum[SHA256_TEXT_SIZE] = "0";
        char first[16] = "";

        if (rule->rollout_hours <= 0)
                return 0;
        key = str_format("%s\n%s\n%s\n%s", input->node->id, input->policy->policy_id, rule->name,
                         package->name);
        if (!key || digest_of(key, strlen(key), sum) < 0)
                return rule->rollout_hours * SECONDS_PER_HOUR; /* late is safe */
        memcpy(first, sum, sizeof(first) - 1);
        return (int64_t)(strtoull(first, NULL, 16) %
                         ((uint64_t)rule->rollout_hours * SECONDS_PER_HOUR));
}

static time_t earlier(time_t a, time_t b)
{
        if (a == 0 || b == 0)
                return a ? a : b;
        return a < b ? a : b;
}

/* When rule approves a release of this time; 0: never. */
static time_t approval_time(const struct approval_context *context, const struct rule *rule,
                            time_t released_at)
{
        int64_t rollout = approval_rollout_seconds(context->input, rule, context->package);
        time_t at = 0, latest = 0;

        if (rule->approve_after_days < 0)
                at = released_at <= rule->approve_until ? released_at + rollout : 0;
        else
                at = released_at + rule->approve_after_days * SECONDS_PER_DAY + rollout;
        if (rule->approve_latest_days > 0 && context->first_fix_at != 0)
                latest =
                    context->first_fix_at + rule->approve_latest_days * SECONDS_PER_DAY + rollout;
        return earlier(at, latest);
}

/* ---- the verdict in words ---- */

static char *describe_rule_time(const struct evaluate_input *input, const struct verdict *verdict,
                                bool approved)
{
        char text[TIME_TEXT_SIZE];

        if (approved && verdict->approve_at == 0)
                return str_format("rule '%s' approves %s without a date", verdict->rule->name,
                                  verdict->available->version);
        if (approved)
                return str_format("rule '%s' approves %s since %s", verdict->rule->name,
                                  verdict->available->version,
                                  time_to_rfc3339(verdict->approve_at, text));
        if (verdict->approve_at > input->now)
                return str_format("rule '%s' approves %s at %s", verdict->rule->name,
                                  verdict->available->version,
                                  time_to_rfc3339(verdict->approve_at, text));
        if (verdict->evidence.released_at == 0)
                return str_format("rule '%s' waits for a release date of %s, which is unknown (%s)",
                                  verdict->rule->name, verdict->available->version,
                                  verdict->evidence.text);
        return str_format("rule '%s' approves releases until %s, and %s is later",
                          verdict->rule->name, time_to_rfc3339(verdict->rule->approve_until, text),
                          verdict->available->version);
}

static char *describe_rejection(const struct verdict *verdict)
{
        const struct selector *selector = verdict->rejected_by;

        return str_format("the policy rejects '%s'%s%s", approval_selector_name(selector),
                          selector->reason ? ": " : "", selector->reason ?: "");
}

/*
 * Whether the rule lets it pass by now. What it once let pass it lets pass ever after, and so a
 * date that is still to come, or still to be read, is no reason to pass, whatever unknown_date
 * says: it would be one to wait later. approve_after_days 0 needs no date: what stands in a signed
 * index is released.
 */
static bool rule_approves(const struct approval_context *context, struct verdict *verdict)
{
        const struct rule *rule = verdict->rule;
        const struct evidence *evidence = &verdict->evidence;

        if (evidence->released_at != 0)
                verdict->approve_at = approval_time(context, rule, evidence->released_at);
        if (rule->approve_after_days == 0 && rule->rollout_hours == 0)
                return true;
        if (evidence->released_at == 0)
                return context->baseline->unknown_date == UNKNOWN_DATE_APPROVE &&
                       !evidence->is_future && !evidence->needs_archive;
        return verdict->approve_at != 0 && context->input->now >= verdict->approve_at;
}

static bool rejects_by_advisory(const struct baseline *baseline)
{
        for (size_t i = 0; i < baseline->n_rejected; i++)
                if (baseline->rejected[i].cve || baseline->rejected[i].advisory)
                        return true;
        return false;
}

/* Without its feed nobody knows what a version carries: rules approve nothing, and when advisories
 * can reject, the approved list doesn't either. */
static int judge_without_feed(const struct approval_context *context, struct verdict *verdict)
{
        bool is_blind = rejects_by_advisory(context->baseline);

        verdict->is_approved = verdict->approved_by && !verdict->rejected_by && !is_blind;
        if (verdict->is_approved || verdict->rejected_by)
                return 0;
        verdict->reason = str_format("the policy's feed '%s' could not be verified on this node, "
                                     "and without it %s",
                                     context->missing_feed->id,
                                     verdict->approved_by
                                         ? "nobody can tell what the policy's rejected list means"
                                         : "no rule approves");
        return verdict->reason ? 0 : -ENOMEM;
}

static char *describe(const struct approval_context *context, const struct verdict *verdict,
                      bool by_rule)
{
        if (verdict->rejected_by)
                return describe_rejection(verdict);
        if (verdict->approved_by)
                return str_format("the policy's approved list names %s %s", context->package->name,
                                  verdict->available->version);
        if (verdict->rule)
                return describe_rule_time(context->input, verdict, by_rule);
        if (!context->baseline->name)
                return strdup("no baseline judges it: this node is unassigned");
        return str_format(
            "no rule of baseline '%s' takes %s updates of %s", context->baseline->name,
            enum_name(&classification_names, (int)verdict->classification), context->package->name);
}

int approval_judge(const struct approval_context *context, struct verdict *verdict)
{
        const struct baseline *baseline = context->baseline;
        const char *version = verdict->available->version;
        bool by_rule = false;
        int r;

        verdict->rule = approval_rule(context, verdict);
        verdict->approved_by = approval_selector(baseline->approved, baseline->n_approved,
                                                 context->package, version, verdict);
        verdict->rejected_by = approval_rejection(baseline, context->package, version, verdict);
        if (context->missing_feed) {
                r = judge_without_feed(context, verdict);
                if (r < 0 || verdict->reason)
                        return r;
        } else {
                by_rule = verdict->rule && rule_approves(context, verdict);
                verdict->is_approved = (by_rule || verdict->approved_by) && !verdict->rejected_by;
                verdict->may_be_dependency = (by_rule || verdict->approved_by) &&
                                             verdict->rejected_by &&
                                             verdict->rejected_by->as_dependency;
        }
        verdict->reason = describe(context, verdict, by_rule);
        return verdict->reason ? 0 : -ENOMEM;
}
