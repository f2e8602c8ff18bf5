/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/compliance.h"

#include "base/timetext.h"

#include <string.h>

static const char *const compliance_texts[] = {[COMPLIANCE_COMPLIANT] = "compliant",
                                               [COMPLIANCE_NON_COMPLIANT] = "non_compliant",
                                               [COMPLIANCE_UNKNOWN] = "unknown"};
const struct enum_table compliance_names = ENUM_TABLE(compliance_texts);

/* ---- overdue ---- */

/* Whether a whole window, from opening to closing, lies between two times. */
static bool has_lived_through_window(const struct window *window, time_t from, time_t now)
{
        struct opening openings[3];
        size_t n = window_openings(window, from, openings, ELEMENTSOF(openings));

        for (size_t i = 0; i < n; i++)
                if (openings[i].opens_at >= from && openings[i].closes_at <= now)
                        return true;
        return false;
}

static void judge_overdue(const struct evaluate_input *input, struct decisions *decisions)
{
        const struct assignment *assignment = decisions->assignment;

        if (!assignment || !assignment->window)
                return;
        for (size_t i = 0; i < decisions->n_items; i++) {
                struct decision *decision = &decisions->items[i];

                if ((decision->state != STATE_MISSING && decision->state != STATE_FAILED) ||
                    !decision->shown || decision->shown->approve_at == 0)
                        continue;
                decision->is_overdue = has_lived_through_window(
                    assignment->window, decision->shown->approve_at, input->now);
                decisions->is_overdue = decisions->is_overdue || decision->is_overdue;
        }
}

/* ---- unknown ---- */

static int check_assigned(const struct evaluate_input *input, struct strv *reasons)
{
        if (assignment_for(input->policy, input->node))
                return 0;
        return strv_addf(reasons,
                         "no assignment of policy '%s' matches this node: it is unassigned",
                         input->policy->policy_id);
}

static int check_expiry(const struct evaluate_input *input, struct strv *reasons)
{
        char text[TIME_TEXT_SIZE];

        if (input->is_what_if || input->now < input->policy->expires)
                return 0;
        return strv_addf(reasons, "the policy expired at %s; publish a newer version",
                         time_to_rfc3339(input->policy->expires, text));
}

static int check_clock(const struct evaluate_input *input, struct strv *reasons)
{
        time_t newest = inventory_newest_date(input->inventory);
        char now[TIME_TEXT_SIZE], then[TIME_TEXT_SIZE];

        if (input->is_what_if)
                return 0;
        if (input->now < input->policy->issued)
                return strv_addf(
                    reasons, "the clock (%s) is before the policy's issue date (%s): set it",
                    time_to_rfc3339(input->now, now), time_to_rfc3339(input->policy->issued, then));
        if (input->now < newest)
                return strv_addf(reasons,
                                 "the clock (%s) is before the newest signed index (%s): set it",
                                 time_to_rfc3339(input->now, now), time_to_rfc3339(newest, then));
        return 0;
}

static int check_index(const struct evaluate_input *input, const struct package_index *index,
                       struct strv *reasons)
{
        int64_t max_hours = input->limits ? input->limits->max_index_age_hours : 0;
        int64_t age_hours = (input->now - index->refreshed_at) / SECONDS_PER_HOUR;
        char text[TIME_TEXT_SIZE];

        if (index->valid_until != 0 && index->valid_until < input->now)
                return strv_addf(reasons, "the index of %s was valid only until %s: refresh it",
                                 index->repository, time_to_rfc3339(index->valid_until, text));
        if (max_hours > 0 && age_hours >= max_hours)
                return strv_addf(reasons,
                                 "the index of %s was refreshed at %s, more than %lld hours ago",
                                 index->repository, time_to_rfc3339(index->refreshed_at, text),
                                 (long long)max_hours);
        return 0;
}

/* A repository has an index for each component and architecture; one sentence is enough. */
static bool was_said(const struct inventory *inventory, size_t at)
{
        for (size_t i = 0; i < at; i++)
                if (strcmp(inventory->indexes[i]->repository, inventory->indexes[at]->repository) ==
                    0)
                        return true;
        return false;
}

static int check_indexes(const struct evaluate_input *input, struct strv *reasons)
{
        const struct inventory *inventory = input->inventory;

        if (input->is_what_if)
                return 0;
        if (inventory->n_indexes == 0 && inventory->problems.n_items == 0)
                return strv_add(reasons, "no package index: no source is configured");
        for (size_t i = 0; i < inventory->n_indexes; i++) {
                int r =
                    was_said(inventory, i) ? 0 : check_index(input, inventory->indexes[i], reasons);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_all(struct strv *reasons, const struct strv *more)
{
        return more ? strv_add_all(reasons, (const char *const *)more->items, more->n_items) : 0;
}

static int check_collectors(const struct evaluate_input *input, struct strv *reasons)
{
        int r = add_all(reasons, &input->inventory->problems);

        return r < 0 ? r : add_all(reasons, input->problems);
}

/* What is unpacked has the new version and does not run yet: that is no proof of anything. */
static int check_database(const struct evaluate_input *input, struct strv *reasons)
{
        const struct strv *broken = &input->inventory->broken;

        if (broken->n_items > 0)
                return strv_addf(reasons, "not properly installed, until a run repairs it: %s%s",
                                 broken->items[0], broken->n_items > 1 ? ", and others" : "");
        if (input->inventory->interrupted)
                return strv_add(
                    reasons, "a package manager was cut or is at work: its journal is not empty");
        return 0;
}

static bool feed_is_for(const struct feed *feed, const struct node *node)
{
        struct match match = {.os = feed->os};

        return match_covers(&match, node);
}

const struct feed *compliance_missing_feed(const struct evaluate_input *input)
{
        for (size_t i = 0; !input->advisories && i < input->policy->n_feeds; i++)
                if (feed_is_for(&input->policy->feeds[i], input->node))
                        return &input->policy->feeds[i];
        return NULL;
}

/* A feed the policy names but nobody could read must never approve anything by its absence. */
static int check_feeds(const struct evaluate_input *input, struct strv *reasons)
{
        const struct feed *missing = compliance_missing_feed(input);

        if (!missing)
                return 0;
        return strv_addf(reasons,
                         "the policy's feed '%s' could not be verified on this node: only its "
                         "approved list counts",
                         missing->id);
}

/* ---- what forbids to apply ---- */

static int check_mode(const struct evaluate_input *input, struct strv *refusals)
{
        const struct assignment *assignment = assignment_for(input->policy, input->node);

        if (assignment && assignment->mode != MODE_APPLY)
                return strv_addf(refusals, "assignment '%s' has mode %s", assignment->name,
                                 enum_name(&mode_names, (int)assignment->mode));
        if (input->limits && input->limits->force_scan)
                return strv_add(refusals,
                                "this node's configuration allows only scans ([apply] mode)");
        return 0;
}

static int check_pause(const struct evaluate_input *input, struct strv *refusals)
{
        char text[TIME_TEXT_SIZE];

        if (!input->limits || !input->limits->is_paused)
                return 0;
        if (input->limits->paused_until == 0)
                return strv_add(refusals, "paused on this node until 'patchctl resume'");
        return strv_addf(refusals, "paused on this node until %s",
                         time_to_rfc3339(input->limits->paused_until, text));
}

typedef int (*check_fn)(const struct evaluate_input *input, struct strv *reasons);

static int run_checks(const check_fn *checks, size_t n_checks, const struct evaluate_input *input,
                      struct strv *reasons)
{
        for (size_t i = 0; i < n_checks; i++) {
                int r = checks[i](input, reasons);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Stale indexes make the result unknown but do not forbid: a run refreshes them first. */
static const check_fn unknown_checks[] = {check_assigned,  check_expiry, check_clock,
                                          check_indexes,   check_feeds,  check_database,
                                          check_collectors};
static const check_fn apply_checks[] = {check_assigned, check_mode, check_expiry, check_clock,
                                        check_pause};

/* Packages that the approved list names without a wildcard and that are not installed here. */
static size_t count_not_applicable(const struct decisions *decisions)
{
        const struct baseline *baseline =
            decisions->assignment ? decisions->assignment->baseline : NULL;
        size_t n = 0;

        for (size_t i = 0; baseline && i < baseline->n_approved; i++) {
                const char *name = baseline->approved[i].package;

                if (name && !strpbrk(name, "*?[") && !decisions_find(decisions, name, NULL))
                        n++;
        }
        return n;
}

static bool is_here_or_needed(const struct decision *decision)
{
        return decision->package->version || decision->needed_by;
}

static void judge_compliance(struct decisions *decisions)
{
        bool missing = false;

        decisions->counts[STATE_NOT_APPLICABLE] = count_not_applicable(decisions);
        for (size_t i = 0; i < decisions->n_items; i++) {
                const struct decision *decision = &decisions->items[i];

                if (!is_here_or_needed(decision))
                        continue;
                decisions->counts[decision->state]++;
                missing = missing || decision->would_be_missing ||
                          decision->state == STATE_MISSING || decision->state == STATE_FAILED ||
                          decision->state == STATE_INSTALLED_REJECTED;
        }
        if (decisions->unknown_reasons.n_items > 0)
                decisions->compliance = COMPLIANCE_UNKNOWN;
        else
                decisions->compliance = missing ? COMPLIANCE_NON_COMPLIANT : COMPLIANCE_COMPLIANT;
}

int compliance_judge(const struct evaluate_input *input, struct decisions *decisions)
{
        int r = run_checks(unknown_checks, ELEMENTSOF(unknown_checks), input,
                           &decisions->unknown_reasons);

        if (r < 0)
                return r;
        r = run_checks(apply_checks, ELEMENTSOF(apply_checks), input, &decisions->apply_refusals);
        if (r < 0)
                return r;
        decisions->may_apply = decisions->apply_refusals.n_items == 0;
        judge_overdue(input, decisions);
        judge_compliance(decisions);
        return 0;
}
