/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * /usr/lib/patchd/patchd.conf and /etc/patchd/patchd.conf with /etc/patchd/patchd.conf.d/ *.conf,
 * read by libeconf (its only user). /etc's patchd.conf replaces /usr's; then come the drop-ins of
 * both folders by name, /etc's in place of /usr's of that name; a later value replaces an earlier
 * one and an empty one puts the default back. Unknown sections and keys, impossible
 * values and files that can't be read are errors that name file, section and key. Documented in
 * patchd.conf(5).
 */

#include "base/diag.h"
#include "base/strv.h"
#include "policy/assignment.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level {
        LOG_LEVEL_ERROR,
        LOG_LEVEL_WARNING,
        LOG_LEVEL_NOTICE,
        LOG_LEVEL_INFO,
        LOG_LEVEL_DEBUG
};

struct config {
        /* [control] */
        char *policy_url; /* template; NULL: the embedded default policy */
        char *policy_id;  /* NULL: not pinned (only with file:// or the default policy) */
        char *report_url; /* template; NULL: reports stay on the node */
        int64_t poll_interval_minutes;
        char *ca_file, *client_cert, *client_key, *proxy;
        char *aws_region; /* NULL: requests are not signed */
        char *aws_service;
        char *fleet_lock_url; /* NULL: reboots need no lock */
        char *fleet_lock_group;
        /* [node] */
        char *node_id;         /* NULL: from the machine id */
        struct node_tag *tags; /* from words KEY=VALUE; the last of a key counts */
        size_t n_tags;
        /* [apply] */
        bool force_scan;     /* mode=scan narrows; mode=policy does what the policy says */
        struct strv exclude; /* globs of package names */
        char *exclude_file;  /* that says so; NULL: none does */
        int64_t max_index_age_hours;
        int64_t keep_max_mb; /* of the versions that runs replaced; 0: keep none */
        int64_t hook_timeout_seconds, check_timeout_seconds; /* of each program */
        int64_t script_timeout_seconds;                      /* of each maintainer script */
        /* [trust] */
        int64_t threshold;
        /* [log] */
        enum log_level log_level;
};

/* Where everything lives; the defaults are the design's, tests and --root commands use others. */
struct paths {
        const char *etc;          /* /etc/patchd */
        const char *usr;          /* /usr/lib/patchd */
        const char *share;        /* /usr/share/patchd: default-policy.json, schemas */
        const char *state;        /* /var/lib/patchd */
        const char *apply_state;  /* /var/lib/patchd-apply */
        const char *libexec;      /* /usr/libexec/patchd: the programs */
        const char *zoneinfo;     /* /usr/share/zoneinfo */
        const char *agent_socket; /* /run/patchd/agent.sock */
        const char *cycle_socket; /* /run/patchd-cycle/cycle.sock */
        const char *apply_socket; /* /run/patchd-apply/apply.sock */
        const char *admin_socket; /* /run/patchd-admin/admin.sock */
};
extern const struct paths default_paths;

int config_load(const struct paths *paths, struct config **ret, struct diag *diag) MUST_CHECK;
void config_free(struct config *config);
DEFINE_CLEANUP(struct config, config_free);

/* Replaces {node_id} and {policy_id} in a url template; any other {...} is an error. The values are
 * percent-encoded as path segments. The caller frees. */
int config_expand_url(const char *url_template, const char *node_id, const char *policy_id,
                      char **ret, struct diag *diag) MUST_CHECK;
