/* SPDX-License-Identifier: Apache-2.0 */
#include "host/clock.h"

#include <stddef.h>
#include <sys/timex.h>
#include <time.h>

enum { USEC_PER_SEC = 1000 * 1000, NSEC_PER_USEC = 1000, ERROR_MAX_USEC = 16 * USEC_PER_SEC };

uint64_t clock_now_usec(void)
{
        struct timespec now = {0};

        (void)clock_gettime(CLOCK_MONOTONIC, &now); /* can not fail for this clock */
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

const char *clock_state(void)
{
        struct timex timex = {0}; /* no mode: only read */

        if (adjtimex(&timex) < 0)
                return NULL;
        return timex.maxerror < ERROR_MAX_USEC ? "synchronised" : "unsynchronised";
}
