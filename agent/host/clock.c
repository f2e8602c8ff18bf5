/* SPDX-License-Identifier: Apache-2.0 */
#include "host/clock.h"

#include <stddef.h>
#include <sys/timex.h>

enum { ERROR_MAX_USEC = 16 * 1000 * 1000 };

const char *clock_state(void)
{
        struct timex timex = {0}; /* no mode: only read */

        if (adjtimex(&timex) < 0)
                return NULL;
        return timex.maxerror < ERROR_MAX_USEC ? "synchronised" : "unsynchronised";
}
