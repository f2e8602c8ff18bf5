/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What tests of policies share: whole files, and the system's time zones. */

#include "support.h"

#include "policy/envelope.h"

#include <stdio.h>
#include <string.h>

static inline int read_file(const char *path, struct blob *ret)
{
        char buffer[256 * 1024];
        FILE *file = fopen(path, "re");
        size_t size;

        if (!file)
                return -errno;
        size = fread(buffer, 1, sizeof(buffer), file);
        (void)fclose(file);
        assert_true(size < sizeof(buffer));
        return blob_copy(ret, buffer, size);
}

/* A file of tests/data that has to be there. */
static inline void read_data(const char *name, struct blob *ret)
{
        const char *folder = getenv("PATCHD_TEST_DATA");
        char path[4096];

        if (!folder)
                fail_msg("PATCHD_TEST_DATA is not set; run this by ctest");
        (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
        if (read_file(path, ret) < 0)
                fail_msg("%s can't be read", path);
}

static inline int load_zone_file(void *context, const char *name, struct blob *ret,
                                 struct diag *diag)
{
        char path[4096];
        int r;

        (void)context;
        (void)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
        r = read_file(path, ret);
        if (r < 0)
                return diag_fail(diag, r, "no such zone on this system");
        return 0;
}

static const struct zone_loader system_zones = {.load = load_zone_file};
