/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a run did, as the package database proves it. Written by patchd-apply before it answers,
 * read by everybody else: history, reports, the next run. Unknown members are kept out of the way,
 * so that a newer helper's outcome is readable.
 */

#include "base/diag.h"
#include "base/enums.h"
#include "base/json.h"
#include "base/strv.h"
#include "report/script_result.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum run_result {
        RUN_SUCCEEDED,   /* everything planned is there, or nothing was to do */
        RUN_PARTIAL,     /* some packages failed or did not fit the window */
        RUN_FAILED,      /* nothing of the plan was reached */
        RUN_REFUSED,     /* not started: the message says why */
        RUN_INTERRUPTED, /* cut, found and repaired at the next start */
};
extern const struct enum_table run_result_names;

enum package_result {
        PACKAGE_UPDATED,
        PACKAGE_INSTALLED, /* new, needed by an updated one */
        PACKAGE_FAILED,
        PACKAGE_SKIPPED,     /* not started: no time left, or a step before it failed */
        PACKAGE_REMOVED,     /* an old kernel that had to make room in /boot */
        PACKAGE_ROLLED_BACK, /* was at version_to, is back at version_from (removed when new) */
};
extern const struct enum_table package_result_names;

/* How far the reboot after a run has come. */
enum reboot_phase {
        REBOOT_PHASE_NONE,      /* not needed, or not to be done: `reboot` says which */
        REBOOT_PHASE_AWAITED,   /* decided; waits for a lock, an inhibitor, the report */
        REBOOT_PHASE_REQUESTED, /* the machine is on its way */
        REBOOT_PHASE_POSTPONED, /* a later window does it */
        REBOOT_PHASE_FINISHED,  /* it came back, and the run was verified again */
        REBOOT_PHASE_FAILED,    /* asked for, but it did not come */
};
extern const struct enum_table reboot_phase_names;

struct outcome_package {
        char *name, *arch;
        char *version_from; /* NULL: new */
        char *version_to;   /* NULL: to be removed */
        char *advisories;   /* joined by a blank; NULL: none */
        enum package_result result;
        char *message; /* NULL: nothing to add */
        char *kept;    /* how version_from was kept: "cache", "downloaded", "repacked", or "not
                          kept: ..."; NULL: nothing was replaced */
};

struct outcome {
        char *run_id;
        char *trigger; /* "window", "apply-now", ... */
        char *policy_id, *baseline;
        int64_t policy_version;
        char *boot_id; /* of the boot in which it ran */
        time_t started_at, finished_at;
        enum run_result result;
        char *message; /* one sentence */
        struct outcome_package *packages;
        size_t n_packages;
        struct script_results scripts; /* hooks and checks */
        bool reboot_required;
        char *reboot; /* "not needed", "not performed: ...", NULL: not judged */
        enum reboot_phase reboot_phase;
        char *reboot_owed_by; /* the run that `always` wants a reboot for; NULL: none */
        time_t reboot_requested_at, rebooted_at;
        char *kernel;        /* that runs after the reboot */
        bool knows_services; /* services_to_restart was found out */
        struct strv services_to_restart;
        char *services_note; /* why not; NULL: nothing to say */
};

void outcome_free(struct outcome *outcome);
DEFINE_CLEANUP(struct outcome, outcome_free);

/* Appends an empty package; its members are then set by the caller (owned). NULL: out of memory. */
struct outcome_package *outcome_add_package(struct outcome *outcome);

/* Appends the reasons for a reboot that only the run's helper could see, in words that stay the
 * same: services that can't be restarted, and a policy that always reboots. -ENOMEM. */
int outcome_reboot_reasons(const struct outcome *outcome, struct strv *reasons) MUST_CHECK;

/* By their start, as the helper's clock had it; then by id, which whoever asked has chosen. */
int outcome_compare(const struct outcome *a, const struct outcome *b);

/* Whether it left the machine other than it found it: a package, or a reboot that was asked for. */
bool outcome_has_changed(const struct outcome *outcome);

/* RUN_* from what its packages say. */
enum run_result outcome_judge(const struct outcome *outcome);

void outcome_write(const struct outcome *outcome, const char *name, struct json_writer *writer);
int outcome_to_text(const struct outcome *outcome, char **ret) MUST_CHECK; /* -ENOMEM */
int outcome_from_text(const char *text, size_t size, struct outcome **ret,
                      struct diag *diag) MUST_CHECK;
