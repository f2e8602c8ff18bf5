/* SPDX-License-Identifier: Apache-2.0 */
#include "host/identity.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>

int identity_find(const char *user, struct identity *ret, struct diag *diag)
{
        struct identity identity = {.is_other = user != NULL, .n_groups = IDENTITY_GROUPS_MAX};
        const struct passwd *entry = user ? getpwnam(user) : NULL;

        if (user && !entry)
                return diag_fail(diag, -ESRCH, "there is no user %s on this host", user);
        if (entry) {
                identity.uid = entry->pw_uid;
                identity.gid = entry->pw_gid;
                if (getgrouplist(user, entry->pw_gid, identity.groups, &identity.n_groups) < 0)
                        return diag_fail(diag, -E2BIG, "user %s is in more than %d groups", user,
                                         IDENTITY_GROUPS_MAX);
        }
        *ret = identity;
        return 0;
}

int identity_become(const struct identity *identity)
{
        if (!identity->is_other)
                return 0;
        if (setgroups((size_t)identity->n_groups, identity->groups) < 0 ||
            setresgid(identity->gid, identity->gid, identity->gid) < 0 ||
            setresuid(identity->uid, identity->uid, identity->uid) < 0 ||
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return 0;
}
