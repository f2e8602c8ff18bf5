/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* From the decisions on packages to the node: counts, compliant or not, and what may be applied. */

#include "decide/evaluate.h"

/* A feed that the policy names for this node and that is not at hand; NULL: there is none. */
const struct feed *compliance_missing_feed(const struct evaluate_input *input);

/* Fills counts, compliance, is_overdue, unknown_reasons, may_apply and apply_refusals, and each
 * decision's is_overdue. Returns -ENOMEM. */
int compliance_judge(const struct evaluate_input *input, struct decisions *decisions) MUST_CHECK;
