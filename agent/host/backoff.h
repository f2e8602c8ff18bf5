/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How long to leave somebody alone who did not answer. Pure. */

#include <stdint.h>

/* A time span in seconds: at least min, else anywhere (full jitter, by random) up to a bound that
 * starts at base and doubles with each failure after the first until it is ceiling. */
struct backoff {
        int64_t min_sec, base_sec, ceiling_sec;
};
int64_t backoff_delay_sec(const struct backoff *backoff, unsigned n_failures, uint32_t random);
