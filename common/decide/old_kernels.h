/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which old kernels make room for the kernel of a plan: as few as possible, oldest first, and only
 * those that were installed as a dependency, are neither running nor held nor touched by the plan,
 * and are not among the newest two of their flavour. Pure: who asks has measured /boot.
 */

#include "decide/plan.h"

/* What the files of one installed kernel take in /boot. */
struct boot_usage {
        const char *release; /* of inventory->kernels */
        int64_t size_bytes;
};

struct old_kernels_request {
        const struct inventory *inventory;
        const struct plan *plan;
        const char *running; /* release; NULL: none of these */
        const struct boot_usage *usage;
        size_t n_usage;
        int64_t free_bytes; /* of /boot */
};

struct old_kernels {
        const struct package **packages; /* to remove, all of a release together */
        size_t n_packages;
        int64_t needed_bytes; /* for the plan's kernels; 0: it has none, or none was measured */
        int64_t freed_bytes;  /* by removing these */
};
void old_kernels_done(struct old_kernels *kernels);

/* No packages where there is room enough, or where removing all that may go would not make enough.
 * -ENOMEM. */
int old_kernels_choose(const struct old_kernels_request *request,
                       struct old_kernels *ret) MUST_CHECK;

/* Whether an item is a kernel itself: it brings files into /boot. */
bool old_kernels_is_image(const char *name);

/* Whether a package of this name is part of a kernel: "linux-image-R", "linux-modules-R", ... */
bool old_kernels_is_of_release(const char *name, const char *release);
