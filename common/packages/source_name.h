/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The source package that advisories speak of. Some sources carry only signatures of another one's
 * binaries, or only depend on the newest of them, and have versions of their own; advisories name
 * the other one.
 */

#include "base/cleanup.h"

struct source_name {
        const char *name, *version; /* of the real source; the given ones when it is one already */
        char *owned_name, *owned_version;
};

/*
 * The version orders as the real one does; where only that can be told, it is one that no advisory
 * names exactly. binary_version is the version of the binary package, which for some sources is the
 * only place that names the real one. All three live as long as ret is used. Returns -ENOMEM.
 */
int source_name_resolve(const char *source, const char *source_version, const char *binary_version,
                        struct source_name *ret) MUST_CHECK;
void source_name_done(struct source_name *name);
