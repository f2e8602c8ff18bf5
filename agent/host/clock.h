/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* Microseconds on a clock that nobody sets (CLOCK_MONOTONIC), for durations and deadlines. */
uint64_t clock_now_usec(void);

/* Whether something keeps this machine's clock right, by the kernel's own word (adjtimex(2)): no
 * matter who steers it, chrony, ntpd, systemd-timesyncd or the host of a container. */

/* "synchronised", "unsynchronised", or NULL when the kernel doesn't say. By the error that the
 * kernel estimates, as timedatectl does: chrony leaves STA_UNSYNC set without rtcsync. */
const char *clock_state(void);
