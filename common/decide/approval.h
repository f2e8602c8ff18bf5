/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The rules of a baseline on one version: which one matches, and when it approves. */

#include "decide/evaluate.h"

/* What one package's versions are judged with. */
struct approval_context {
        const struct evaluate_input *input;
        const struct baseline *baseline;
        const struct package *package;
        const struct feed *missing_feed; /* no rule approves without it; NULL: none is missing */
        time_t
            first_fix_at; /* release of the oldest still-missing version under the same rule; 0 */
};

/* Whether a filter takes the package at this verdict. */
bool approval_filter_matches(const struct filter *filter, const struct package *package,
                             const struct verdict *verdict);

/* The first rule that takes it; NULL: none, or the baseline's filters leave the package out. */
const struct rule *approval_rule(const struct approval_context *context,
                                 const struct verdict *verdict);

/* The entry of a list that names it; NULL: none. */
const struct selector *approval_selector(const struct selector *selectors, size_t n_selectors,
                                         const struct package *package, const char *version,
                                         const struct verdict *verdict);

/* What the entry names: a glob, an advisory or a CVE. */
const char *approval_selector_name(const struct selector *selector);

/* The entry of the rejected list that counts: one without as_dependency comes first. */
const struct selector *approval_rejection(const struct baseline *baseline,
                                          const struct package *package, const char *version,
                                          const struct verdict *verdict);

/* This node's share of rollout_hours in seconds: stable per node, policy, rule and package. */
int64_t approval_rollout_seconds(const struct evaluate_input *input, const struct rule *rule,
                                 const struct package *package);

/*
 * Judges a classified version with its evidence: sets rule, lists, approve_at, is_approved and the
 * reason. Returns -ENOMEM.
 */
int approval_judge(const struct approval_context *context, struct verdict *verdict) MUST_CHECK;
