/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Collect and decide in one call: the same for patchctl scan, the cycle and the root helper, so
 * that all three judge alike. The policy comes from elsewhere; nothing here fetches or changes
 * anything.
 */

#include "decide/evaluate.h"
#include "host/apply_state.h"
#include "host/config.h"
#include "host/host.h"
#include "host/operation_file.h"
#include "host/root.h"

struct judge_options {
        const struct paths *paths;
        const struct config *config; /* NULL in a foreign root: no local limits */
        const struct root *root;
        const struct strv *extra_tags; /* --tag; may be NULL */
        const struct policy *policy;
        const struct advisories *advisories; /* of all feeds that the policy names for this node;
                                                NULL: not all of them are at hand, or it names none.
                                                Lives as long as the judgement */
        const struct strv *problems; /* what makes the result unknown already; may be NULL */
        time_t now;
        bool is_what_if;
        const char *wanted;   /* a name that is looked for in the indexes though nothing needs it
                                 (explain); NULL: none */
        bool use_apply_state; /* the helper's ledger, stamps, outcomes; false in a foreign root */
};

/* Everything a report or an explanation needs; input points into the other members. */
struct judgement {
        struct node node;
        struct inventory *inventory;
        struct ledger *ledger;
        struct local_limits limits;
        struct apply_facts facts;
        struct operation_records operations;
        bool has_operations; /* they have been read */
        struct reboot_state reboot;
        struct strv problems;
        struct evaluate_input input;
        struct decisions *decisions;
};
void judgement_free(struct judgement *judgement);
DEFINE_CLEANUP(struct judgement, judgement_free);

/* A collector that fails is a problem inside (the result is unknown), not an error here; errors are
 * -ENOMEM and a root that can't be read at all. */
int judge_host(const struct judge_options *options, struct judgement **ret,
               struct diag *diag) MUST_CHECK;

/* Decides once more, after a member that input points into was changed. Returns -ENOMEM. */
int judgement_decide(struct judgement *judgement) MUST_CHECK;

/* How much of a judgement a report carries. */
struct judgement_report_options {
        int64_t sequence;               /* 0: not numbered */
        const char *only_package;       /* NULL: every package with something to say */
        const char *only_arch;          /* of that package; NULL: all */
        const struct outcome *last_run; /* that it tells of; NULL: the last one of all */
        bool all_packages;
        bool chain;
        bool pretty;
};

/* The text of the report (report/report.h); the caller frees. Returns -ENOMEM. */
int judgement_report(const struct judgement *judgement,
                     const struct judgement_report_options *options, char **ret) MUST_CHECK;
