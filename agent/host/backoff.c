/* SPDX-License-Identifier: Apache-2.0 */
#include "host/backoff.h"

int64_t backoff_delay_sec(const struct backoff *backoff, unsigned n_failures, uint32_t random)
{
        int64_t bound = backoff->base_sec, delay;

        for (unsigned i = 1; i < n_failures && bound < backoff->ceiling_sec; i++)
                bound *= 2;
        if (bound > backoff->ceiling_sec)
                bound = backoff->ceiling_sec;
        delay = random % (bound + 1);
        return delay < backoff->min_sec ? backoff->min_sec : delay;
}
