/* SPDX-License-Identifier: Apache-2.0 */
#include "host/paths.h"

#include "base/str.h"

#include <stddef.h>

static const size_t prefixed[] = {
    offsetof(struct paths, etc),          offsetof(struct paths, usr),
    offsetof(struct paths, share),        offsetof(struct paths, state),
    offsetof(struct paths, apply_state),  offsetof(struct paths, libexec),
    offsetof(struct paths, agent_socket), offsetof(struct paths, cycle_socket),
    offsetof(struct paths, apply_socket), offsetof(struct paths, admin_socket),
};

static const char **path_at(struct paths *paths, size_t i)
{
        return (const char **)((char *)paths + prefixed[i]);
}

int paths_new(const char *prefix, struct paths **ret)
{
        CLEANUP(paths_freep) struct paths *paths = calloc(1, sizeof(*paths));
        struct paths defaults = default_paths;

        if (!paths)
                return -ENOMEM;
        paths->zoneinfo = defaults.zoneinfo;
        for (size_t i = 0; i < ELEMENTSOF(prefixed); i++) {
                *path_at(paths, i) = str_format("%s%s", prefix ?: "", *path_at(&defaults, i));
                if (!*path_at(paths, i))
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(paths);
        return 0;
}

void paths_free(struct paths *paths)
{
        if (!paths)
                return;
        for (size_t i = 0; i < ELEMENTSOF(prefixed); i++)
                free((char *)*path_at(paths, i));
        free(paths);
}
