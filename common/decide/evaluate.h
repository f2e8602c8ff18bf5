/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The heart: policy x inventory x advisories x evidence x now gives a decision for each package,
 * with its reason. Pure: the cycle evaluates to propose, the root helper evaluates again to
 * enforce.
 */

#include "decide/evidence.h"
#include "packages/inventory.h"
#include "policy/assignment.h"
#include "policy/policy.h"

/* In the order in which the first that holds wins. */
enum state {
        STATE_FAILED,
        STATE_REJECTED,
        STATE_HELD,
        STATE_MISSING,
        STATE_PENDING_APPROVAL,
        STATE_NOT_APPROVED,
        STATE_INSTALLED_PENDING_REBOOT,
        STATE_INSTALLED_REJECTED,
        STATE_INSTALLED,
        STATE_INSTALLED_OTHER,
        STATE_NOT_APPLICABLE,
        N_STATES,
};
extern const struct enum_table state_names;

enum compliance { COMPLIANCE_COMPLIANT, COMPLIANCE_NON_COMPLIANT, COMPLIANCE_UNKNOWN };
extern const struct enum_table compliance_names;

/* What is known of one version on offer: the chain from index line to approval. */
struct verdict {
        const struct available *available;
        enum classification classification;
        enum severity severity;
        struct strv advisories, cves;
        struct evidence evidence;
        const struct rule *rule; /* the first that matched; NULL: none, or outside the filters */
        const struct selector *approved_by, *rejected_by; /* NULL: not listed */
        bool is_approved;                                 /* by rule or list, and not rejected */
        time_t approve_at;      /* when the rule approves (or did); 0: unknown or never */
        char *reason;           /* one sentence */
        bool may_be_dependency; /* rejected, but approved where another target needs it */
        char *needs; /* approved, but can't be installed: "needs libfoo 2 (not approved until ...)";
                        else NULL */
};
void verdict_done(struct verdict *verdict);

struct decision {
        const struct package *package;
        enum state state;
        bool would_be_missing; /* held, but approved otherwise */
        bool is_blocked;       /* has a target, but what it needs is not approved: in no plan */
        bool is_overdue;
        const struct available *target; /* newest approved version whose needs are met, or, when
                                           blocked, just the newest approved; NULL: none */
        struct verdict *verdicts;       /* one for each version judged, newest first */
        size_t n_verdicts;
        const struct verdict *shown; /* the one that explains the state; NULL: nothing on offer */
        struct verdict *current;     /* of the installed version, when nothing newer is judged and a
                                        source still offers it; else NULL */
        const struct package *needed_by; /* comes in for this one only: a new package, or one that
                                            is rejected by itself; else NULL */
        char *reason; /* one sentence; "" only for what is neither installed nor needed */
};

struct decisions {
        struct decision *items; /* every package of the inventory, in its order */
        size_t n_items;
        const struct assignment *assignment; /* of the policy; NULL: unassigned */
        size_t counts[N_STATES];
        enum compliance compliance;
        bool is_overdue;
        struct strv unknown_reasons; /* why compliance is unknown */
        bool may_apply;              /* assigned mode is apply and nothing below forbids it */
        struct strv apply_refusals;  /* why nothing is applied: mode, expired, clock, pause, ... */
};
void decisions_free(struct decisions *decisions);
DEFINE_CLEANUP(struct decisions, decisions_free);

/* A version that this node refuses or could not install, from the helper's own state. */
struct package_note {
        char *name, *arch; /* arch NULL: any */
        char *version;
        char *text;
};

/* What the node itself adds; it can only narrow. */
struct local_limits {
        struct strv exclude;      /* globs of package names */
        const char *exclude_file; /* that says so; NULL: not known */
        const struct package_note *vetoes;
        size_t n_vetoes;
        int64_t max_index_age_hours;
        bool force_scan;
        bool is_paused;
        time_t paused_until; /* 0: until resumed */
};

/* What earlier runs did, from their outcomes. */
struct run_facts {
        const struct package_note *failed; /* the last run tried this version and failed */
        size_t n_failed;
        const struct package_note *updated_this_boot;
        size_t n_updated_this_boot;
        const struct package_note *installed_by_baseline;
        size_t n_installed_by_baseline;
        const struct package_note *kept_back; /* the package manager would not take it, though
                                                 nothing known is against it; text: its words */
        size_t n_kept_back;
};

struct evaluate_input {
        const struct policy *policy;
        const struct node *node;
        const struct inventory *inventory;
        const struct ledger *ledger;         /* may be NULL */
        const struct advisories *advisories; /* may be NULL */
        const struct local_limits *limits;   /* may be NULL: none */
        const struct run_facts *runs;        /* may be NULL: none */
        bool reboot_required;
        const struct strv
            *problems; /* of other collectors; each makes the result unknown; or NULL */
        time_t now;
        bool is_what_if; /* --at: clock, index age and policy expiry are not judged */
};

/* Returns -ENOMEM; every input that parsed has decisions. An unassigned node approves nothing. */
int evaluate(const struct evaluate_input *input, struct decisions **ret) MUST_CHECK;

const struct decision *decisions_find(const struct decisions *decisions, const char *name,
                                      const char *arch);
