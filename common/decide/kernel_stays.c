/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/kernel_stays.h"

#include "base/str.h"
#include "decide/old_kernels.h"

#include <string.h>

static const char *release_of(const struct inventory *inventory, const char *package)
{
        for (size_t i = 0; i < inventory->kernels.n_items; i++)
                if (old_kernels_is_of_release(package, inventory->kernels.items[i]))
                        return inventory->kernels.items[i];
        return NULL;
}

/* Without its image, or its modules where they are a package of their own, a kernel is none. */
static bool is_going(const struct kernel_question *question, const char *release)
{
        for (size_t i = 0; i < question->going->n_items; i++)
                if (old_kernels_is_of_release(question->going->items[i], release))
                        return true;
        return false;
}

static bool another_stays(const struct kernel_question *question)
{
        for (size_t i = 0; i < question->bootable->n_items; i++) {
                const char *release = question->bootable->items[i];

                if (strv_contains(&question->inventory->kernels, release) &&
                    !is_going(question, release))
                        return true;
        }
        return false;
}

int kernel_stays(const struct kernel_question *question, const char *package, char **ret_reason)
{
        const char *release = release_of(question->inventory, package);

        *ret_reason = NULL;
        if (!release)
                return 0;
        if (str_equal(release, question->running))
                *ret_reason = str_format("%s is of the running kernel; boot another one, then "
                                         "patchctl rollback removes it",
                                         package);
        else if (!another_stays(question))
                *ret_reason = str_format("%s is of the last kernel that could be booted", package);
        else
                return 0;
        return *ret_reason ? 0 : -ENOMEM;
}
