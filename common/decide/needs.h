/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What approved targets need of other packages (Debian Policy 7): it has to be installed and stay,
 * or be an approved target itself, or an approved new package (a kernel image behind its meta
 * package); and nothing that stays may need or break otherwise. A target for which that does not
 * hold falls back to an older approved version, or stays missing and in no plan.
 */

#include "decide/evaluate.h"

/* Second pass over decisions that were made package by package. Returns -ENOMEM. */
int needs_decide(const struct evaluate_input *input, struct decisions *decisions) MUST_CHECK;
