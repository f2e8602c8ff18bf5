/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Installing some packages of a run together: verify the archives, simulate, hold every line
 * against the plan, install without network, and believe only the package database. The result of
 * each package is left in run->outcome.
 */

#include "apply/run/run.h"

struct attempt {
        struct plan_step step; /* copies that borrow the members of run->items */
        size_t *indexes;       /* of run->items and run->outcome->packages */
        size_t n_own;          /* the first items: what it is about; the others may help, and get no
                                  result as long as nothing was installed */
        bool was_refused;      /* the simulation wouldn't have all of the own items */
};

void attempt_done(struct attempt *attempt);
int attempt_init(const struct run *run, struct attempt *ret) MUST_CHECK;
/* What it is about comes first, then what may help. */
void attempt_add(const struct run *run, struct attempt *attempt, size_t index);
void attempt_add_helper(const struct run *run, struct attempt *attempt, size_t index);

/* Fetches what is missing; fails, and takes out of the attempt, what can't be had. */
int attempt_fetch(struct run *run, struct attempt *attempt, struct diag *diag) MUST_CHECK;

/* Does all of it, unless none of its own items would be installed. Negative only when the result
 * can't be known. */
int attempt_run(struct run *run, struct attempt *attempt, struct diag *diag) MUST_CHECK;

bool attempt_is_done(const struct outcome_package *package);
int attempt_set_result(struct run *run, size_t index, enum package_result result,
                       const char *message) MUST_CHECK;
