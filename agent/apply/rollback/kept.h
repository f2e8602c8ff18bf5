/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The versions that runs replace, kept as packages in a folder of root alone so that a run can be
 * rolled back: from the package manager's cache, from an index that still offers them (held against
 * its SHA256), or packed again from the installed files. The oldest are dropped beyond
 * [apply] keep_max_mb, and some of the disk always stays free.
 */

#include "apply/packages/installer.h"

struct kept {
        char *path;
        char *origin;      /* "cache", "downloaded" or "repacked" */
        struct strv notes; /* in which ways it is not what the archive once served */
};
void kept_done(struct kept *kept);

/* The copy of a version, with the bytes it was kept with. -ENOENT or -EBADMSG with a sentence. */
int kept_find(const struct installer *installer, const char *name, const char *version,
              const char *arch, struct kept *ret, struct diag *diag) MUST_CHECK;

/* Fetches of the packages that these items replace the versions that an index still offers. What
 * can't be had is left for kept_keep(). -ENOMEM. */
int kept_fetch(struct installer *installer, const struct config *config,
               const struct inventory *inventory, const struct plan_step *step) MUST_CHECK;

/* Keeps what one item replaces, without network. *ret_text (owned): how, or "not kept: <why>"; NULL
 * when it replaces nothing. -ENOMEM. */
int kept_keep(struct installer *installer, const struct config *config,
              const struct inventory *inventory, const struct plan_item *item,
              char **ret_text) MUST_CHECK;
