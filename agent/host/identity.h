/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Another user for a child: looked up before the fork, so that the child makes system calls alone.
 */

#include "base/diag.h"

#include <stdbool.h>
#include <sys/types.h>

enum { IDENTITY_GROUPS_MAX = 64 };

struct identity {
        bool is_other; /* false: whoever we are */
        uid_t uid;
        gid_t gid, groups[IDENTITY_GROUPS_MAX];
        int n_groups;
};

/* user NULL: whoever we are. -ESRCH: there is no such user; -E2BIG: in too many groups. */
int identity_find(const char *user, struct identity *ret, struct diag *diag) MUST_CHECK;

/* Takes it, with its groups, for good: no set-user-ID program gives more. The errno, or 0. */
int identity_become(const struct identity *identity) MUST_CHECK;
