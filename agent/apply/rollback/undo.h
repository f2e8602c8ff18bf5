/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Going back: the kept versions of packages in place of the installed ones, and without the
 * packages that were new. Simulated, held line by line against exactly that, and done without
 * network.
 */

#include "apply/rollback/kept.h"
#include "report/outcome.h"

struct undo_item {
        const struct outcome_package *package; /* from version_to back to version_from */
        struct kept kept;                      /* of version_from; empty for a new package */
        bool is_auto;                          /* there as a dependency only */
};

struct undo {
        struct undo_item *items;
        size_t n_items;
        struct strv changes; /* what the package manager would do, in its words */
};
void undo_done(struct undo *undo);

/* Whether the package is as it was before its update; else *ret_text (owned) says what is there. */
bool undo_is_back(const struct inventory *inventory, const struct outcome_package *package,
                  char **ret_text);

/* The package is borrowed. -ENOENT, -EBADMSG: its old version is not kept, with a sentence. */
int undo_add(struct undo *undo, const struct installer *installer,
             const struct inventory *inventory, const struct outcome_package *package,
             struct diag *diag) MUST_CHECK;

/* Fills changes. -EBADMSG with a sentence when the package manager can't do it, or would do
 * anything else. */
int undo_simulate(struct undo *undo, struct installer *installer, const struct inventory *inventory,
                  struct diag *diag) MUST_CHECK;

/* Does it; what came of it shows in the package database. *ret_said (owned): how the package
 * manager failed, NULL: it did not. */
int undo_install(const struct undo *undo, struct installer *installer,
                 const struct inventory *inventory, char **ret_said, struct diag *diag) MUST_CHECK;
