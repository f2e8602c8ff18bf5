/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How far a download is, measured: the bytes of the wanted archives that lie in archives/ and,
 * while the package manager fetches them, in archives/partial/. Its own percent mixes bytes and
 * files, and does not say which package it is at.
 */

#include "decide/plan.h"

struct installer;

struct downloading_file {
        const char *name; /* of the package, borrowed */
        char *path, *partial;
        int64_t size_bytes;
};

struct downloading {
        struct downloading_file *files; /* that were not there, in whole, at the beginning */
        size_t n_files;
        int64_t bytes_total; /* of these, as the signed index says */
};
void downloading_done(struct downloading *downloading);

/* The step has to outlive it. -ENOMEM. */
int downloading_init(const struct installer *installer, const struct plan_step *step,
                     struct downloading *ret) MUST_CHECK;

/* The bytes that are here, and the first package of which a part is (NULL: none). */
int64_t downloading_look(const struct downloading *downloading, const char **ret_package);
