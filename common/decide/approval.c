/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/approval.h"

#include "base/digest.h"
#include "base/str.h"
#include "base/timetext.h"

#include <fnmatch.h>
#include <string.h>

/* ---- what a version carries ---- */

static bool is_in_security_pocket(const struct available *available)
{
        for (size_t i = 0; i < available->n_indexes; i++)
                if (available->indexes[i]->is_security)
                        return true;
        return false;
}

/* A version that supersedes a security update before it was installed carries it too. */
static bool carries_security(const struct approval_context *context,
                             const struct available *available)
{
        const struct package *package = context->package;

        if (is_in_security_pocket(available))
                return true;
        for (size_t i = 0; i < package->n_available; i++)
                if (inventory_compare_versions(context->input->inventory,
                                               package->available[i].version,
                                               available->version) <= 0 &&
                    is_in_security_pocket(&package->available[i]))
                        return true;
        return false;
}

static int add_advisory(struct verdict *verdict, const struct advisory *advisory)
{
        int r = 0;

        if (advisory->severity < verdict->severity)
                verdict->severity = advisory->severity;
        if (advisory->classification < verdict->classification)
                verdict->classification = advisory->classification;
        if (!strv_contains(&verdict->advisories, advisory->id))
                r = strv_add(&verdict->advisories, advisory->id);
        for (size_t i = 0; r >= 0 && i < advisory->cves.n_items; i++)
                if (!strv_contains(&verdict->cves, advisory->cves.items[i]))
                        r = strv_add(&verdict->cves, advisory->cves.items[i]);
        return r;
}

int approval_classify(const struct approval_context *context, struct verdict *verdict)
{
        const struct inventory *inventory = context->input->inventory;
        const struct available *available = verdict->available;
        const struct advisory_fix *fixes;
        size_t n_fixes = 0;

        verdict->severity = SEVERITY_UNSPECIFIED;
        verdict->classification =
            carries_security(context, available) ? CLASSIFICATION_SECURITY : CLASSIFICATION_OTHER;
        fixes = advisories_find(context->input->advisories, available->source, &n_fixes);
        for (size_t i = 0; i < n_fixes; i++) {
                const char *installed = context->package->source_version;
                int r;

                if (installed &&
                    inventory_compare_versions(inventory, fixes[i].fixed, installed) <= 0)
                        continue;
                if (inventory_compare_versions(inventory, fixes[i].fixed,
                                               available->source_version) > 0)
                        continue;
                r = add_advisory(verdict, fixes[i].advisory);
                if (r < 0)
                        return r;
        }
        strv_sort(&verdict->advisories);
        strv_sort(&verdict->cves);
        return 0;
}

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

/* When rule approves a release of this time; 0: never, or its date is unknown. */
static time_t approval_time(const struct approval_context *context, const struct rule *rule,
                            time_t released_at)
{
        int64_t rollout = approval_rollout_seconds(context->input, rule, context->package);
        time_t at = 0, latest = 0;

        if (rule->approve_after_days < 0)
                at = released_at != 0 && released_at <= rule->approve_until ? released_at + rollout
                                                                            : 0;
        else if (released_at != 0)
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
        const char *name = selector->package    ? selector->package
                           : selector->advisory ? selector->advisory
                                                : selector->cve;

        return str_format("the policy rejects '%s'%s%s", name, selector->reason ? ": " : "",
                          selector->reason ?: "");
}

/* Whether the rule lets it pass by now. approve_after_days 0 needs no date: what stands in a signed
 * index is released. */
static bool rule_approves(const struct approval_context *context, struct verdict *verdict)
{
        const struct rule *rule = verdict->rule;
        time_t now = context->input->now;

        verdict->approve_at = approval_time(context, rule, verdict->evidence.released_at);
        if (verdict->approve_at != 0)
                return now >= verdict->approve_at;
        if (verdict->evidence.released_at != 0)
                return false;
        if (rule->approve_after_days == 0 && rule->rollout_hours == 0)
                return true;
        return context->baseline->unknown_date == UNKNOWN_DATE_APPROVE;
}

int approval_judge(const struct approval_context *context, struct verdict *verdict)
{
        const struct baseline *baseline = context->baseline;
        const char *version = verdict->available->version;
        bool by_rule;

        verdict->rule = approval_rule(context, verdict);
        verdict->approved_by = approval_selector(baseline->approved, baseline->n_approved,
                                                 context->package, version, verdict);
        verdict->rejected_by = approval_selector(baseline->rejected, baseline->n_rejected,
                                                 context->package, version, verdict);
        by_rule = verdict->rule && rule_approves(context, verdict);
        verdict->is_approved = (by_rule || verdict->approved_by) && !verdict->rejected_by;
        if (verdict->rejected_by)
                verdict->reason = describe_rejection(verdict);
        else if (verdict->approved_by)
                verdict->reason = str_format("the policy's approved list names %s %s",
                                             context->package->name, version);
        else if (verdict->rule)
                verdict->reason = describe_rule_time(context->input, verdict, by_rule);
        else
                verdict->reason =
                    str_format("no rule of baseline '%s' takes %s updates of %s", baseline->name,
                               enum_name(&classification_names, (int)verdict->classification),
                               context->package->name);
        return verdict->reason ? 0 : -ENOMEM;
}
