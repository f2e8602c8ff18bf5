/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The chain behind one decision (explain): versions and where they stand, what they carry, rules,
 * evidence, and when it would be installed. Members of the report's package. */

#include "base/json.h"
#include "report/report.h"

/* Returns -ENOMEM. */
int chain_write(const struct report_input *input, const struct decision *decision,
                struct json_writer *writer) MUST_CHECK;
