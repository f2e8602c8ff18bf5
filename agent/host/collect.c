/* SPDX-License-Identifier: Apache-2.0 */
#include "host/collect.h"

#include "host/collect_deb.h"

int collect_inventory(const struct collect_options *options, struct inventory **ret,
                      struct diag *diag)
{
        static const struct {
                const char *database;
                int (*collect)(const struct collect_options *options, struct inventory **ret,
                               struct diag *diag);
        } backends[] = {
#ifdef PATCHD_DEB
            {"/var/lib/dpkg/status", collect_deb},
#endif
        };

        for (size_t i = 0; i < ELEMENTSOF(backends); i++)
                if (root_exists(options->root, backends[i].database))
                        return backends[i].collect(options, ret, diag);
        return diag_fail(diag, -ENOTSUP, "%s: no package database that patchd knows (/var/lib/dpkg/status)",
                         options->root->path);
}
