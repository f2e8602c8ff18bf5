/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Zones for tests: from the system's files, or made of a rule alone. */

#include "policy/zone.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { ZONE_HEADER_SIZE = 44 };

/* Gives the size of what was read, 0 when there is no such zone. */
static inline size_t read_system_zone(const char *name, char *bytes, size_t size)
{
        char path[PATH_MAX];
        FILE *file;
        size_t n;

        (void)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
        file = fopen(path, "re");
        if (!file)
                return 0;
        n = fread(bytes, 1, size, file);
        (void)fclose(file);
        return n;
}

static inline int load_system_zone(const char *name, struct zone **ret, struct diag *diag)
{
        static char bytes[ZONE_SIZE_MAX];
        size_t size = read_system_zone(name, bytes, sizeof(bytes));

        return zone_parse(bytes, size, ret, diag);
}

/* A version 2 header whose counts are all 0 but those of types and abbreviations. */
static inline size_t put_zone_header(char *at, char n_types, char n_chars)
{
        memset(at, 0, ZONE_HEADER_SIZE);
        memcpy(at, "TZif2", 5);
        at[39] = n_types;
        at[43] = n_chars;
        return ZONE_HEADER_SIZE;
}

/* A file without transitions, in which rule (a POSIX TZ string) alone says the time. */
static inline size_t put_rule_zone(char *at, const char *rule)
{
        static const char type[6] = {0}, name[4] = "UTC";
        size_t n = 0;

        for (int block = 0; block < 2; block++) {
                n += put_zone_header(at + n, 1, sizeof(name));
                memcpy(at + n, type, sizeof(type));
                memcpy(at + n + sizeof(type), name, sizeof(name));
                n += sizeof(type) + sizeof(name);
        }
        return n + (size_t)sprintf(at + n, "\n%s\n", rule);
}
