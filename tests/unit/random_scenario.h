/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Judging situations by chance, as the JSON that scenario_init() reads: the same for the same seed.
 * Every kind of rule, list, date and gap in the evidence comes up within a few hundred. */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* The time around which everything happens. */
#define RANDOM_SCENARIO_NOW ((time_t)1795000000)

/* Every other one, whatever its seed says else: packages depend on others at a version or later,
 * and nothing breaks anything. */
#define RANDOM_SCENARIO_IS_SIMPLE(seed) ((seed) % 2 == 0)

/* more_rejected: with one more entry in the policy's rejected list, and else the same. The caller
 * frees. */
char *random_scenario(uint64_t seed, bool more_rejected);
