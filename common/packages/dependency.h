/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Dependency fields of Debian packages (Debian Policy 7.1): "a (>= 1) | b:any, c [amd64]". */

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

enum { DEPENDENCY_NAME_MAX = 256, DEPENDENCY_VERSION_MAX = 256, DEPENDENCY_ARCH_MAX = 64 };

/* One alternative of one group; every group has to be met by one of its alternatives. */
struct dependency {
        size_t group;                         /* counted from 0 */
        char name[DEPENDENCY_NAME_MAX];       /* without an architecture qualifier */
        char arch[DEPENDENCY_ARCH_MAX];       /* the qualifier: "any", "native", one; "": none */
        char relation[3];                     /* "<<", "<=", "=", ">=", ">>" or "" */
        char version[DEPENDENCY_VERSION_MAX]; /* "" without a relation */
};

/* Visits every alternative in order; stops at the first result that is not 0 and gives it. An
 * alternative that is malformed or longer than the limits is passed over. */
int dependency_for_each(const char *field,
                        int (*visit)(const struct dependency *dependency, void *arg), void *arg);

/* Whether this version of the package of that name is meant. version NULL: none is known (an
 * unversioned Provides), which meets no relation. */
bool dependency_accepts(const struct dependency *dependency, const char *version);
