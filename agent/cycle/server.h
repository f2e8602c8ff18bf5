/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One connection on which the daemon asks for one cycle: org.patchd.cycle. */

#include "host/config.h"

/* Takes over fd. Answers calls until a cycle was run or the peer has left. Returns a negative errno
 * when the connection broke. */
int server_run(int fd, const struct paths *paths, struct diag *diag) MUST_CHECK;
