/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whether a kernel that a run has brought may be removed again when the run is rolled back: not the
 * one that is running, whose modules would go with it, and not the last one that could be booted.
 * Pure: who asks has looked into /boot.
 */

#include "packages/inventory.h"

struct kernel_question {
        const struct inventory *inventory;
        const char *running;         /* release */
        const struct strv *bootable; /* releases with a kernel in /boot */
        const struct strv *going;    /* names of all packages that are to be removed together */
};

/* *ret_reason (owned): why this package stays; NULL: it may go, or is no part of a kernel.
 * -ENOMEM. */
int kernel_stays(const struct kernel_question *question, const char *package,
                 char **ret_reason) MUST_CHECK;
