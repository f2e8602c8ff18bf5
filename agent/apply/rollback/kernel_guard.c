/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rollback/kernel_guard.h"

#include "base/str.h"
#include "decide/kernel_stays.h"

#include <sys/utsname.h>
#include <unistd.h>

static int list_bootable(const struct inventory *inventory, struct strv *ret)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < inventory->kernels.n_items; i++) {
                CLEANUP(freep)
                char *path = str_format("/boot/vmlinuz-%s", inventory->kernels.items[i]);

                if (!path)
                        return -ENOMEM;
                if (access(path, F_OK) == 0)
                        r = strv_add(ret, inventory->kernels.items[i]);
        }
        return r;
}

static int list_going(const struct outcome *outcome, struct strv *ret)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < outcome->n_packages; i++)
                if (outcome->packages[i].result == PACKAGE_ROLLED_BACK &&
                    !outcome->packages[i].version_from)
                        r = strv_add(ret, outcome->packages[i].name);
        return r;
}

int kernel_guard_ask(const struct inventory *inventory, const struct outcome *outcome,
                     const struct outcome_package *package, char **ret_reason)
{
        CLEANUP(strv_done) struct strv bootable = {0}, going = {0};
        struct utsname uts = {0};
        const struct kernel_question question = {
            .inventory = inventory, .running = uts.release, .bootable = &bootable, .going = &going};
        int r;

        *ret_reason = NULL;
        if (package->version_from)
                return 0;
        (void)uname(&uts);
        r = list_bootable(inventory, &bootable);
        if (r >= 0)
                r = list_going(outcome, &going);
        return r < 0 ? r : kernel_stays(&question, package->name, ret_reason);
}
