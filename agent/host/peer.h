/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Who is at the other end of a local socket, as the kernel knows it (SO_PEERCRED, SO_PEERGROUPS).
 */

#include "base/cleanup.h"

#include <stdbool.h>
#include <sys/types.h>

struct peer {
        uid_t uid;
        pid_t pid;
};

/* Returns the errno of getsockopt(2). */
int peer_of(int fd, struct peer *ret) MUST_CHECK;

/* Whether gid is the peer's own or one of its supplementary groups at connect time; false when the
 * kernel does not say. */
bool peer_in_group(int fd, gid_t gid);
