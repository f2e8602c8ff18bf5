/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which of OSV's ecosystems speak of one release of one distribution (OSV schema, "Defined
 * ecosystems"). */

#include "base/diag.h"

#include <stdbool.h>

enum { OSV_RELEASE_VERSION_SIZE = 32 };

struct osv_release {
        const char *os_id;                      /* ID of os-release(5); of a const table */
        char version[OSV_RELEASE_VERSION_SIZE]; /* as the ecosystem writes it: "12", "22.04", "9" */
        bool with_subscription;                 /* fixes that need a vendor's subscription count */
};

/* The release of os-release's ID and VERSION_ID ("rhel", "9.4" gives 9). Returns -EOPNOTSUPP when
 * OSV has nothing for this distribution, -EINVAL for a version that is none. */
int osv_release_for(const char *os_id, const char *os_version, bool with_subscription,
                    struct osv_release *ret, struct diag *diag) MUST_CHECK;

/* Whether an ecosystem is about this release: "Ubuntu:22.04:LTS" is about ubuntu 22.04. */
bool osv_release_covers(const struct osv_release *release, const char *ecosystem);
