/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The date of the newest entry of a Debian changelog (deb-changelog(5)), which is its first. Bytes
 * come piece by piece; nothing of the rest is read.
 */

#include "base/cleanup.h"
#include "base/str.h"

#include <time.h>

enum { DEB_CHANGELOG_LINE_MAX_BYTES = 1024 }; /* what is longer is cut */

enum deb_changelog_state {
        DEB_CHANGELOG_HEAD,    /* before the entry's head line */
        DEB_CHANGELOG_ENTRY,   /* in the entry */
        DEB_CHANGELOG_DATED,   /* its date is known; no more bytes are needed */
        DEB_CHANGELOG_FOREIGN, /* it is something else; no more bytes are needed */
};

/* All zero to begin with. */
struct deb_changelog {
        enum deb_changelog_state state;
        struct str line;
        time_t date; /* only when DEB_CHANGELOG_DATED */
};
void deb_changelog_done(struct deb_changelog *changelog);

/* Returns -ENOMEM. Without a newline at its end the last line counts only after a "\n" of yours. */
int deb_changelog_add(struct deb_changelog *changelog, const char *bytes, size_t size) MUST_CHECK;
