/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What every verb of patchctl gets: the parsed command line and where things are. */

#include "base/strv.h"
#include "host/config.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* patchctl(1), EXIT STATUS. */
enum exit_code {
        EXIT_DONE = 0, /* compliant, or done */
        EXIT_FAILED = 1,
        EXIT_USAGE = 2,
        EXIT_NON_COMPLIANT = 3,
        EXIT_REBOOT_PENDING = 4,
        EXIT_UNKNOWN = 5,
};

struct ctl {
        struct paths *paths;
        const char *policy_file; /* --policy; NULL: this node's own */
        const char *root;        /* --root; NULL: the host */
        const char *output;      /* -o; NULL: standard output */
        const char *until_text;  /* --until; NULL: not given */
        const char *os;          /* --os, "debian:12"; NULL: this host's */
        const char *feed_id;     /* --id */
        const char *url;         /* --url; NULL: the file beside the manifest */
        time_t expires;          /* --expires; 0: not given */
        int64_t days;            /* --days */
        struct strv tags;        /* --tag */
        struct strv keys;        /* --key */
        struct strv arguments;   /* after the verb */
        time_t at;               /* --at; 0: now */
        int64_t next;            /* --next */
        bool json, all, now, download_only, yes;
        bool help, version;
        bool colour;
};

/* The time to judge at: --at, or the clock. */
time_t ctl_now(const struct ctl *ctl);

/* "patchctl: <sentence>" on standard error; gives EXIT_FAILED. */
int ctl_fail(const struct diag *diag, int error);

typedef int (*verb_fn)(const struct ctl *ctl); /* gives an exit code */

int verb_scan(const struct ctl *ctl);
int verb_explain(const struct ctl *ctl);
int verb_status(const struct ctl *ctl);
int verb_history(const struct ctl *ctl);
int verb_windows(const struct ctl *ctl);
int verb_apply(const struct ctl *ctl);
int verb_watch(const struct ctl *ctl);
int verb_rollback(const struct ctl *ctl);
int verb_reboot(const struct ctl *ctl);
int verb_veto_list(const struct ctl *ctl);
int verb_veto_clear(const struct ctl *ctl);
int verb_pause(const struct ctl *ctl);
int verb_resume(const struct ctl *ctl);
int verb_doctor(const struct ctl *ctl);
int verb_policy_keygen(const struct ctl *ctl);
int verb_policy_sign(const struct ctl *ctl);
int verb_policy_verify(const struct ctl *ctl);
int verb_policy_check(const struct ctl *ctl);
int verb_feed_build(const struct ctl *ctl);
int verb_feed_check(const struct ctl *ctl);
int verb_policy_reset(const struct ctl *ctl);
