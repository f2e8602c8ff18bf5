/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Feed hosts that failed are left alone for a while: full jitter up to a bound that doubles from 15
 * minutes to 4 hours, and what their Retry-After says. Meanwhile the trouble stays what it was, so
 * that it is not told again. Any failure counts, also a file that is not the announced one: it
 * would only be fetched again. Kept in the store, for each feed and where it comes from.
 */

#include "cycle/feeds.h"

/* Negative, with what was wrong last time, when it is not yet time to ask again; else 0. */
int feed_wait_check(const struct feeds_request *request, const struct feed *feed,
                    struct diag *diag) MUST_CHECK;

/* Notes a failure with its sentence in diag; gives error. retry_after_seconds 0: not said. */
int feed_wait_failed(const struct feeds_request *request, const struct feed *feed,
                     int64_t retry_after_seconds, int error, const struct diag *diag);

/* What came of it in the end: trouble that nobody noted yet is, and no trouble ends the wait. */
void feed_wait_settle(const struct feeds_request *request, const struct feed_item *item);
