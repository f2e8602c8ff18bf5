/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How severe an OSV record calls itself: CVSS vectors, the vendors' words. */

#include "base/json.h"
#include "packages/osv.h"

/* The severity of a vendor's word, whatever its case ("Important", "not yet assigned"). */
enum severity osv_severity_of_word(const char *word);

/* The highest severity that the record states for itself. */
enum severity osv_severity_of_record(const struct json *record, const char *id,
                                     struct osv_stats *stats);

/* The highest that one entry of its affected[] states. */
enum severity osv_severity_of_affected(const struct json *affected, const char *id,
                                       struct osv_stats *stats);

/* The smaller value, which is the higher severity. */
static inline enum severity severity_higher(enum severity a, enum severity b)
{
        return a < b ? a : b;
}
