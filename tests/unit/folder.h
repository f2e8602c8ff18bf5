/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A temporary folder for one test: *state is its path. Removed with all that is in it. */

#include "base/str.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline int folder_setup(void **state)
{
        const char *base = getenv("TMPDIR");
        char *path = str_format("%s/patchd-test-XXXXXX", base && *base ? base : "/tmp");

        *state = path && mkdtemp(path) ? path : NULL;
        return *state ? 0 : -1;
}

static inline int folder_remove_entry(const char *path, const struct stat *st, int type,
                                      struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

static inline int folder_teardown(void **state)
{
        int r = nftw(*state, folder_remove_entry, 16, FTW_DEPTH | FTW_PHYS);

        free(*state);
        return r;
}

/* The path of name in the folder; the caller frees. */
static inline char *folder_path(void *state, const char *name)
{
        return str_format("%s/%s", (const char *)state, name);
}

/* Writes a text file, making the folders above it. */
static inline void folder_write(void *state, const char *name, const char *text)
{
        char *path = folder_path(state, name);
        FILE *file;

        assert_non_null(path);
        for (char *p = path + strlen(state) + 1; (p = strchr(p, '/')); p++) {
                *p = '\0';
                (void)mkdir(path, 0755);
                *p = '/';
        }
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
        free(path);
}

/* How many entries it has. */
static inline size_t folder_count(void *state)
{
        DIR *dir = opendir(state);
        size_t n = 0;

        assert_non_null(dir);
        while (readdir(dir))
                n++;
        closedir(dir);
        return n - 2;
}
