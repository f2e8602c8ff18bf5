/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a Release or InRelease file says of its repository. Signatures were checked by apt. */

#include "base/diag.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { APT_RELEASE_SIZE_MAX = 16 * 1024 * 1024 };

struct apt_release {
        char *origin, *label, *suite, *codename, *version; /* "" when absent */
        time_t date, valid_until;                          /* 0: none */
        bool not_automatic, but_automatic_upgrades;
        struct strv archs, components; /* what it supports; empty: it doesn't say */
        bool all_is_separate;          /* packages of architecture all have indexes of their own */
        char *sums;                    /* lines "<digest> <size> <name>"; "" when absent */
};

/* Returns -EBADMSG when it isn't a Release file, -ENOMEM. */
int apt_release_parse(const char *text, size_t size, struct apt_release *ret,
                      struct diag *diag) MUST_CHECK;

/* The size of a file that it lists, or -1 when it doesn't. */
int64_t apt_release_file_size(const struct apt_release *release, const char *name);

/* Whether the repository is the security pocket of a distribution. */
bool apt_release_is_security(const struct apt_release *release);

void apt_release_done(struct apt_release *release);
