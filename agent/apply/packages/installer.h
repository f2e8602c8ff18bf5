/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Running the package manager: a backend's argument lists with its clean environment, private files
 * and deadlines. The only user of host/spawn.h here. */

#include "apply/packages/downloading.h"
#include "apply/packages/script_watch.h"
#include "apply/service.h"
#include "host/backends/backend.h"
#include "host/spawn.h"

struct installer {
        const struct backend *backend;
        struct service *service;
        char *archives, *allow_list, *empty_folder;
        struct strv environment;
        struct strv notes; /* pairs: package name, what it has to say (errors, kept conffiles) */
        char *working_on;  /* the package of the last progress line */
        const struct downloading *downloading; /* what is being fetched; NULL: nothing measured */
        struct script_watch scripts;
};

void installer_done(struct installer *installer);
int installer_init(struct service *service, const struct backend *backend, struct installer *ret,
                   struct diag *diag) MUST_CHECK;

/* Runs to the end; *ret as spawn_run(). An install is never cut by a deadline, but a script of a
 * package that hangs is (script_watch.h). */
int installer_run(struct installer *installer, enum backend_action action, struct spawn_result *ret,
                  struct diag *diag) MUST_CHECK;

/* Fetches the archives of these versions, approved or not, into archives/partial/. */
int installer_fetch(struct installer *installer, const struct plan_step *step,
                    const char *native_arch, struct spawn_result *ret,
                    struct diag *diag) MUST_CHECK;

/* Tells how far installer->downloading is. */
void installer_tell_download(const struct installer *installer);

/* Writes the allow-list of a step, for the next calls. */
int installer_allow(struct installer *installer, const struct plan_step *step,
                    const char *native_arch, struct diag *diag) MUST_CHECK;

/* What the package manager said of a package in this process, joined; NULL: nothing. Owned. */
char *installer_note(const struct installer *installer, const char *package);

/* The same for an action on these words. */
int installer_run_words(struct installer *installer, enum backend_action action,
                        const struct strv *words, struct spawn_result *ret,
                        struct diag *diag) MUST_CHECK;

/* Whose lock the call waited for in vain, and what to do; NULL: that was not the reason. Owned. */
char *installer_lock_holder(const struct installer *installer, const struct spawn_result *result);

/* That, else as spawn_describe(), after what a disk is the reason of. Owned. */
char *installer_describe(const struct installer *installer, const struct spawn_result *result);

/* Lets the package manager finish what was begun: waits for one that still runs, then configures
 * what is unpacked. Whether it helped shows in the package database. */
int installer_repair(struct installer *installer, struct diag *diag) MUST_CHECK;

bool installer_succeeded(const struct spawn_result *result);
