/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Writing vetoes.json: versions that this node does not take again (host/apply_state.h reads it).
 * Called with the lock held. */

#include "base/diag.h"
#include "host/config.h"
#include "report/outcome.h"

/* Vetoes the version that a package was rolled back from, in place of an older veto of it. */
int vetoes_add(const struct paths *paths, const struct outcome_package *package, const char *run_id,
               struct diag *diag) MUST_CHECK;

/* Forgets those of one package, or (NULL) all. *ret_n: how many there were. */
int vetoes_clear(const struct paths *paths, const char *name, size_t *ret_n,
                 struct diag *diag) MUST_CHECK;

/* Forgets those of packages that a run has brought to another version: they have had their effect.
 */
int vetoes_settle(const struct paths *paths, const struct outcome *outcome,
                  struct diag *diag) MUST_CHECK;
