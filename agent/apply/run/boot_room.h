/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Room in /boot for the kernel of a plan: a step of its own that removes old kernels when what is
 * free, as measured, is too little. Which ones is decided by decide/old_kernels.h.
 */

#include "apply/run/run.h"

/* Measures, and writes what will be removed into run->old_kernels and run->outcome, behind the
 * packages of the plan. Before the intent is on disk. -ENOMEM. */
int boot_room_plan(struct run *run) MUST_CHECK;

/* Removes them; where there is still too little room, the plan's kernels fail, so that no update
 * stops half-way in a full /boot. Negative only when nothing more can be known. */
int boot_room_make(struct run *run, struct diag *diag) MUST_CHECK;
