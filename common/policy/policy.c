/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include <stdlib.h>

static const char *const classification_texts[] = {
    [CLASSIFICATION_SECURITY] = "security",
    [CLASSIFICATION_BUGFIX] = "bugfix",
    [CLASSIFICATION_ENHANCEMENT] = "enhancement",
    [CLASSIFICATION_OTHER] = "other",
};
const struct enum_table classification_names = ENUM_TABLE(classification_texts);

static const char *const severity_texts[] = {
    [SEVERITY_CRITICAL] = "critical",       [SEVERITY_HIGH] = "high",
    [SEVERITY_MEDIUM] = "medium",           [SEVERITY_LOW] = "low",
    [SEVERITY_UNSPECIFIED] = "unspecified",
};
const struct enum_table severity_names = ENUM_TABLE(severity_texts);

static const char *const mode_texts[] = {
    [MODE_SCAN] = "scan",
    [MODE_APPLY] = "apply",
    [MODE_REPLACE] = "replace",
};
const struct enum_table mode_names = ENUM_TABLE(mode_texts);

static const char *const reboot_mode_texts[] = {
    [REBOOT_NEVER] = "never",
    [REBOOT_IF_NEEDED] = "if-needed",
    [REBOOT_ALWAYS] = "always",
};
const struct enum_table reboot_mode_names = ENUM_TABLE(reboot_mode_texts);

static const char *const date_source_texts[] = {
    [DATE_SOURCE_ADVISORY] = "advisory",
    [DATE_SOURCE_OBSERVED] = "observed",
    [DATE_SOURCE_BUILD] = "build",
};
const struct enum_table date_source_names = ENUM_TABLE(date_source_texts);

static const char *const unknown_date_texts[] = {
    [UNKNOWN_DATE_HOLD] = "hold",
    [UNKNOWN_DATE_APPROVE] = "approve",
};
const struct enum_table unknown_date_names = ENUM_TABLE(unknown_date_texts);

static const char *const operation_action_texts[] = {
    [OPERATION_SCAN] = "scan",
    [OPERATION_APPLY] = "apply",
    [OPERATION_REBOOT] = "reboot",
};
const struct enum_table operation_action_names = ENUM_TABLE(operation_action_texts);

static void match_done(struct match *match)
{
        for (size_t i = 0; i < match->n_tags; i++) {
                free(match->tags[i].key);
                strv_done(&match->tags[i].values);
        }
        free(match->tags);
        strv_done(&match->os);
        strv_done(&match->hostname);
        strv_done(&match->arch);
}

static void selectors_free(struct selector *selectors, size_t n_selectors)
{
        for (size_t i = 0; i < n_selectors; i++) {
                free(selectors[i].cve);
                free(selectors[i].advisory);
                free(selectors[i].package);
                free(selectors[i].version);
                free(selectors[i].reason);
        }
        free(selectors);
}

static void baseline_done(struct baseline *baseline)
{
        for (size_t i = 0; i < baseline->n_rules; i++) {
                free(baseline->rules[i].name);
                strv_done(&baseline->rules[i].filter.packages);
        }
        free(baseline->rules);
        selectors_free(baseline->approved, baseline->n_approved);
        selectors_free(baseline->rejected, baseline->n_rejected);
        strv_done(&baseline->filter.packages);
        free(baseline->name);
}

static void assignment_done(struct assignment *assignment)
{
        free(assignment->name);
        match_done(&assignment->match);
}

static void feed_done(struct feed *feed)
{
        free(feed->id);
        free(feed->format);
        strv_done(&feed->os);
        free(feed->manifest_url);
        strv_done(&feed->keys);
        free(feed->url);
        free(feed->sha256);
}

static void operation_done(struct operation *operation)
{
        free(operation->id);
        match_done(&operation->match);
        strv_done(&operation->packages);
}

void policy_free(struct policy *policy)
{
        if (!policy)
                return;
        for (size_t i = 0; i < policy->n_assignments; i++)
                assignment_done(&policy->assignments[i]);
        for (size_t i = 0; i < policy->n_baselines; i++)
                baseline_done(&policy->baselines[i]);
        for (size_t i = 0; i < policy->n_windows; i++)
                window_done(&policy->windows[i]);
        for (size_t i = 0; i < policy->n_feeds; i++)
                feed_done(&policy->feeds[i]);
        for (size_t i = 0; i < policy->n_operations; i++)
                operation_done(&policy->operations[i]);
        free(policy->assignments);
        free(policy->baselines);
        free(policy->windows);
        free(policy->feeds);
        free(policy->operations);
        free(policy->policy_id);
        free(policy);
}
