/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Carrying out the steps of a plan one after another. One bad package fails alone: what needs it
 * is skipped, the rest goes on. What fails as a whole is tried again in parts; what the package
 * manager refuses is tried again together with later steps.
 */

#include "apply/run/run.h"

/* Fetches what the plan needs; packages whose archives can't be had are marked as failed. -ENOSPC:
 * there is no room, and nothing was fetched. */
int steps_download(struct run *run, struct diag *diag) MUST_CHECK;

/* Sets result and message of every package of run->outcome. Negative only when nothing more can be
 * known (-ENOMEM, the database can't be read): recovery then tells at the next start. */
int steps_run(struct run *run, struct diag *diag) MUST_CHECK;
