/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/packages/truth.h"

#include "base/str.h"
#include "host/collect.h"

int truth_collect(struct inventory **ret, struct diag *diag)
{
        CLEANUP(root_done) struct root root = {.fd = -EBADF};
        const struct collect_options options = {.root = &root};
        int r = root_open("/", &root, diag);

        return r < 0 ? r : collect_inventory(&options, ret, diag);
}

bool truth_is_gone(const struct inventory *inventory, const char *name, const char *arch)
{
        const struct package *package = inventory_find(inventory, name, arch);

        return !package || !package->version;
}

bool truth_is_installed(const struct inventory *inventory, const char *name, const char *arch,
                        const char *version, char **ret_text)
{
        const struct package *package = inventory_find(inventory, name, arch);

        /* A package may change between an architecture and "all". */
        if (!package || !str_equal(package->version, version))
                package = inventory_find(inventory, name, NULL) ?: package;
        if (package && str_equal(package->version, version) && !package->status)
                return true;
        if (!ret_text)
                return false;
        if (!package || !package->version)
                *ret_text = str_format("the package database has no %s", name);
        else
                *ret_text =
                    str_format("the package database has version %s%s%s", package->version,
                               package->status ? " in the state " : "", package->status ?: "");
        return false;
}
