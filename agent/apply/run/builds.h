/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * When the versions that wait for approval were built, for baselines that ask for it: their
 * archives are fetched, verified and read, and what they say is kept for every later judgement.
 */

#include "apply/run/run.h"

/* What one call fetches at most; the rest follows with the next. */
enum { BUILDS_FETCH_MAX = 100, BUILDS_FETCH_MAX_BYTES = 1000 * 1000 * 1000 };

/* What became of the versions whose date was asked for. */
struct builds_result {
        size_t n_read, n_failed, n_left;
};

/* What could not be fetched, or has no room, is a warning in the log and tried at the next call.
 * Returns -ENOMEM, or why nothing could be kept. */
int builds_read(struct run *run, struct builds_result *ret, struct diag *diag) MUST_CHECK;

/* Removes every archive that neither one of the n items in keep needs nor a version that waits. */
void builds_prune(const struct run *run, const struct plan_item *const *keep, size_t n);
