/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A policy (patchd.policy.v1): which baseline, window and mode a node gets, and what a baseline
 * approves. Read only; made by envelope.c alone, so that holding one proves that it was verified.
 * Every pointer inside belongs to the policy. Documented in patchd-policy(5).
 */

#include "base/digest.h"
#include "base/enums.h"
#include "base/strv.h"
#include "policy/window.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum classification {
        CLASSIFICATION_SECURITY,
        CLASSIFICATION_BUGFIX,
        CLASSIFICATION_ENHANCEMENT,
        CLASSIFICATION_OTHER,
        N_CLASSIFICATIONS,
};

/* From worst to least, so that the smaller value is the higher severity. */
enum severity {
        SEVERITY_CRITICAL,
        SEVERITY_HIGH,
        SEVERITY_MEDIUM,
        SEVERITY_LOW,
        SEVERITY_UNSPECIFIED,
        N_SEVERITIES,
};

enum mode { MODE_SCAN, MODE_APPLY, MODE_REPLACE };
enum reboot_mode { REBOOT_NEVER, REBOOT_IF_NEEDED, REBOOT_ALWAYS };
enum date_source { DATE_SOURCE_ADVISORY, DATE_SOURCE_OBSERVED, DATE_SOURCE_BUILD, N_DATE_SOURCES };
enum unknown_date { UNKNOWN_DATE_HOLD, UNKNOWN_DATE_APPROVE };
enum operation_action { OPERATION_SCAN, OPERATION_APPLY, OPERATION_REBOOT };

extern const struct enum_table classification_names, severity_names, mode_names, reboot_mode_names,
    date_source_names, unknown_date_names, operation_action_names;

/* An empty list or set matches everything; lists inside are OR, keys are AND; items are globs. */
struct match_tag {
        char *key;
        struct strv values;
};

struct match {
        struct match_tag *tags;
        size_t n_tags;
        struct strv os;       /* "debian:12", or "debian" for every release of it */
        struct strv hostname; /* the static host name */
        struct strv arch;     /* the package manager's names; amd64 and x86_64 mean both */
};

struct filter {
        struct strv packages;     /* globs of package names */
        uint32_t classifications; /* bit per enum classification; 0: all */
        uint32_t severities;      /* bit per enum severity; 0: all */
};

struct rule {
        char *name;
        struct filter filter;
        int64_t approve_after_days;  /* -1: approve_until is given instead */
        time_t approve_until;        /* releases up to this second; 0: none */
        int64_t approve_latest_days; /* 0: off */
        int64_t rollout_hours;       /* 0: off */
};

/* One entry of `approved` or `rejected`; exactly one of cve, advisory, package is set. */
struct selector {
        char *cve;
        char *advisory;
        char *package; /* glob */
        char *version; /* only with package; NULL: every version */
        char *reason;  /* rejected only; NULL: none given */
        bool as_dependency;
};

struct baseline {
        char *name;
        struct filter filter;
        struct rule *rules;
        size_t n_rules;
        struct selector *approved, *rejected;
        size_t n_approved, n_rejected;
        enum date_source date_sources[N_DATE_SOURCES]; /* in the order to ask them */
        size_t n_date_sources;
        enum unknown_date unknown_date;
};

struct assignment {
        char *name;
        struct match match;
        const struct baseline *baseline; /* of this policy */
        const struct window *window;     /* of this policy; NULL only when mode is not apply */
        enum mode mode;
        enum reboot_mode reboot;
        int64_t max_age_days; /* mode replace only; 0: off */
};

struct feed {
        char *id;
        char *format; /* "osv" */
        struct strv os;
        char *manifest_url; /* with keys; else url, sha256 and size_bytes are pinned here */
        struct strv keys;   /* base64 of DER SubjectPublicKeyInfo */
        char *url;
        char *sha256;
        int64_t size_bytes;
};

struct operation {
        char *id;
        enum operation_action action;
        struct match match;
        struct strv packages; /* globs; empty: all approved */
        bool ignore_window;
        time_t expires;
};

struct policy {
        char *policy_id;
        int64_t version;
        time_t issued, expires;
        char digest[SHA256_TEXT_SIZE]; /* of the signed bytes (the payload) */
        bool is_signed;                /* false: a plain file that root owns, or read-only use */
        struct assignment *assignments;
        size_t n_assignments;
        struct baseline *baselines;
        size_t n_baselines;
        struct window *windows;
        size_t n_windows;
        struct feed *feeds;
        size_t n_feeds;
        struct operation *operations;
        size_t n_operations;
};

void policy_free(struct policy *policy);
DEFINE_CLEANUP(struct policy, policy_free);
