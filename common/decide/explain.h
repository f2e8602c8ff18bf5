/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Rules and the coming installation in words, for people who ask why. Decides nothing. */

#include "decide/evaluate.h"

/* Why a filter does not take the package at this verdict: "takes only severity critical, and this
 * is high"; NULL when it takes it, or out of memory. The caller frees. */
char *explain_mismatch(const struct filter *filter, const struct package *package,
                       const struct verdict *verdict);

/* When a rule approves this package on this node: "7 days after the release, ...". The caller
 * frees; NULL: out of memory. */
char *explain_rule(const struct evaluate_input *input, const struct rule *rule,
                   const struct package *package);

/* Why a version on offer was not judged at all: what the host or the package manager says of it.
 * The caller frees; NULL: out of memory. */
char *explain_left_out(const struct package *package, const struct available *available);

/* When the version that a decision is about would be installed, as far as can be told now. */
struct installation {
        bool is_planned; /* opening is the one in which it would be */
        struct opening opening;
        time_t from; /* not before this moment of the opening */
        char *text;  /* one sentence, also when it is never */
};
void installation_done(struct installation *installation);

/* Returns -ENOMEM. */
int explain_installation(const struct evaluate_input *input, const struct decisions *decisions,
                         const struct decision *decision, struct installation *ret) MUST_CHECK;
