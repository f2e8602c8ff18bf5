/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/explain.h"

#include "base/str.h"
#include "base/timetext.h"
#include "decide/approval.h"

#include <string.h>

/* ---- rules ---- */

static void append_names(struct str *text, uint32_t set, const struct enum_table *names, int n)
{
        const char *separator = "";

        for (int value = 0; value < n; value++) {
                if (!(set & 1U << value))
                        continue;
                str_appendf(text, "%s%s", separator, enum_name(names, value));
                separator = ", ";
        }
}

static void append_set_mismatch(struct str *text, const char *what, uint32_t set, int value,
                                const struct enum_table *names, int n)
{
        if (set == 0 || set & 1U << value)
                return;
        str_appendf(text, "%stakes only %s ", text->length > 0 ? "; " : "", what);
        append_names(text, set, names, n);
        str_appendf(text, ", and this is %s", enum_name(names, value));
}

char *explain_mismatch(const struct filter *filter, const struct package *package,
                       const struct verdict *verdict)
{
        CLEANUP(str_done) struct str text = {0};
        CLEANUP(freep) char *globs = NULL;
        char *result = NULL;

        if (approval_filter_matches(filter, package, verdict))
                return NULL;
        if (filter->packages.n_items > 0 && !strv_matches(&filter->packages, package->name)) {
                if (strv_join(&filter->packages, ", ", &globs) < 0)
                        return NULL;
                str_appendf(&text, "takes only packages %s", globs);
        }
        append_set_mismatch(&text, "classification", filter->classifications,
                            (int)verdict->classification, &classification_names, N_CLASSIFICATIONS);
        append_set_mismatch(&text, "severity", filter->severities, (int)verdict->severity,
                            &severity_names, N_SEVERITIES);
        return str_take(&text, &result) < 0 ? NULL : result;
}

char *explain_rule(const struct evaluate_input *input, const struct rule *rule,
                   const struct package *package)
{
        long long share_minutes =
            approval_rollout_seconds(input, rule, package) / SECONDS_PER_MINUTE;
        CLEANUP(str_done) struct str text = {0};
        char until[TIME_TEXT_SIZE], *result = NULL;

        if (rule->approve_after_days < 0)
                str_appendf(&text, "approves what was released until %s",
                            time_to_rfc3339(rule->approve_until, until));
        else if (rule->approve_after_days == 0)
                str_append(&text, "approves at once");
        else
                str_appendf(&text, "approves %lld days after the release",
                            (long long)rule->approve_after_days);
        if (rule->approve_latest_days > 0 && rule->approve_after_days != 0)
                str_appendf(&text, ", at the latest %lld days after the first fix still missing",
                            (long long)rule->approve_latest_days);
        if (rule->rollout_hours > 0)
                str_appendf(&text, ", spread over %lld h: %lld h %lld min later on this node",
                            (long long)rule->rollout_hours, share_minutes / 60, share_minutes % 60);
        return str_take(&text, &result) < 0 ? NULL : result;
}

char *explain_left_out(const struct package *package, const struct available *available)
{
        if (available->held_by)
                return strdup(available->held_by);
        if (available->priority < 0)
                return str_format("priority %d: never to be installed", available->priority);
        if (package->candidate)
                return str_format("priority %d, and the package manager takes %s",
                                  available->priority, package->candidate->version);
        return str_format("priority %d: taken only on request", available->priority);
}

/* ---- installation ---- */

void installation_done(struct installation *installation)
{
        free(installation->text);
        *installation = (struct installation){0};
}

/* A pause with an end only moves the installation; whatever else forbids it has no known end. */
static const char *first_lasting_refusal(const struct evaluate_input *input,
                                         const struct decisions *decisions)
{
        const struct strv *refusals = &decisions->apply_refusals;
        bool will_end = input->limits && input->limits->is_paused && input->limits->paused_until;

        for (size_t i = 0; i < refusals->n_items; i++)
                if (!will_end || !str_has_prefix(refusals->items[i], "paused "))
                        return refusals->items[i];
        return NULL;
}

static const char *const nothing_to_do[N_STATES] = {
    [STATE_REJECTED] = "it is not installed while the policy rejects it",
    [STATE_NOT_APPROVED] = "it is not installed: no rule and no approved list takes it",
    [STATE_INSTALLED_PENDING_REBOOT] = "it is installed; what is left is the reboot",
    [STATE_INSTALLED_REJECTED] = "patchd does not remove packages: remove it by hand",
    [STATE_INSTALLED] = "there is nothing to install",
    [STATE_INSTALLED_OTHER] = "there is nothing to install",
    [STATE_NOT_APPLICABLE] =
        "it is not installed here: patchd updates what is installed and brings "
        "in only what such updates need",
};

/* Why it has no time; NULL: it has one. The caller frees. */
static char *why_never(const struct evaluate_input *input, const struct decisions *decisions,
                       const struct decision *decision)
{
        const char *refusal = first_lasting_refusal(input, decisions);

        if (nothing_to_do[decision->state])
                return strdup(nothing_to_do[decision->state]);
        if (decision->state == STATE_HELD)
                return str_format("it is not installed while the host holds it: %s",
                                  decision->reason);
        if (decision->is_blocked)
                return str_format("it can't be installed yet: %s", decision->reason);
        if (refusal)
                return str_format("patchd does not install it: %s", refusal);
        if (!decision->target && (!decision->shown || decision->shown->approve_at == 0))
                return strdup("no time can be told: nobody knows when it becomes approved");
        if (!decisions->assignment || !decisions->assignment->window)
                return strdup("no window is assigned to this node");
        return NULL;
}

static time_t earliest(const struct evaluate_input *input, const struct decision *decision)
{
        time_t at = input->now;

        if (!decision->target && decision->shown->approve_at > at)
                at = decision->shown->approve_at;
        if (input->limits && input->limits->is_paused && input->limits->paused_until > at)
                at = input->limits->paused_until;
        return at;
}

/* The first opening that still starts a step at or after from. */
static bool find_opening(const struct window *window, time_t from, struct opening *ret)
{
        struct opening openings[2];
        size_t n = window_openings(window, from, openings, ELEMENTSOF(openings));

        for (size_t i = 0; i < n; i++) {
                if (openings[i].cutoff_at <= from)
                        continue;
                *ret = openings[i];
                return true;
        }
        return false;
}

static char *describe_opening(const struct evaluate_input *input, const struct window *window,
                              const struct installation *installation)
{
        const struct opening *opening = &installation->opening;
        CLEANUP(freep) char *local = window_local_text(window, installation->from);
        CLEANUP(str_done) struct str text = {0};
        char from[TIME_TEXT_SIZE], closes[TIME_TEXT_SIZE], expires[TIME_TEXT_SIZE];
        char *result = NULL;

        if (!local)
                return NULL;
        str_appendf(&text, "window '%s', ", window->name);
        if (installation->from > input->now)
                str_appendf(&text, "%s %s (%s %s)",
                            installation->from > opening->opens_at ? "while it is open, from"
                                                                   : "which opens",
                            time_to_rfc3339(installation->from, from), local, window->timezone);
        else
                str_append(&text, "which is open");
        str_appendf(&text, ", until %s", time_to_rfc3339(opening->closes_at, closes));
        if (input->policy->expires <= installation->from)
                str_appendf(&text, "; but the policy expires before, at %s: publish a newer one",
                            time_to_rfc3339(input->policy->expires, expires));
        return str_take(&text, &result) < 0 ? NULL : result;
}

int explain_installation(const struct evaluate_input *input, const struct decisions *decisions,
                         const struct decision *decision, struct installation *ret)
{
        struct installation installation = {.text = why_never(input, decisions, decision)};
        const struct window *window;

        if (!installation.text && decisions->assignment && decisions->assignment->window) {
                window = decisions->assignment->window;
                installation.from = earliest(input, decision);
                installation.is_planned =
                    find_opening(window, installation.from, &installation.opening);
                if (installation.opening.opens_at > installation.from)
                        installation.from = installation.opening.opens_at;
                installation.text = installation.is_planned
                                        ? describe_opening(input, window, &installation)
                                        : str_format("window '%s' never opens again", window->name);
        }
        if (!installation.text)
                return -ENOMEM;
        *ret = installation;
        return 0;
}
