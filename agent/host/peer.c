/* SPDX-License-Identifier: Apache-2.0 */
#include "host/peer.h"

#include <errno.h>
#include <sys/socket.h>

enum { PEER_GROUPS_MAX_BYTES = 65536 * sizeof(gid_t) }; /* NGROUPS_MAX of the kernel */

int peer_of(int fd, struct peer *ret)
{
        struct ucred credentials;
        socklen_t size = sizeof(credentials);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
                return -errno;
        *ret = (struct peer){.uid = credentials.uid, .pid = credentials.pid};
        return 0;
}

static bool is_supplementary(int fd, gid_t gid)
{
        CLEANUP(freep) gid_t *groups = malloc(PEER_GROUPS_MAX_BYTES);
        socklen_t size = PEER_GROUPS_MAX_BYTES;

        if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
                return false;
        for (size_t i = 0; i < size / sizeof(*groups); i++)
                if (groups[i] == gid)
                        return true;
        return false;
}

bool peer_in_group(int fd, gid_t gid)
{
        struct ucred credentials;
        socklen_t size = sizeof(credentials);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
                return false;
        return credentials.gid == gid || is_supplementary(fd, gid);
}
