/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The report (patchd.report.v1): what a node is, how it was judged and what the last run did. The
 * JSON Schema is packaging/schema/patchd.report.v1.schema.json. */

#include "decide/evaluate.h"
#include "policy/window.h"
#include "report/operation_record.h"
#include "report/outcome.h"

struct report_input {
        const struct evaluate_input *evaluated;
        const struct decisions *decisions;
        const char *agent_version;
        int reboot_required; /* enum reboot_required of host/host.h: 0 unknown, 1 no, 2 yes */
        const struct strv *reboot_reasons;          /* may be NULL */
        const struct strv *services_to_restart;     /* NULL: not looked at */
        const struct outcome *last_run;             /* NULL: none yet */
        const struct operation_records *operations; /* NULL: not looked at */
        int64_t sequence;                           /* of this report; 0: not numbered (scan) */
        const char *only_package; /* explain: this one alone, whatever its state; or NULL */
        const char *only_arch;    /* of that package; NULL: all */
        bool all_packages;        /* also the installed ones with nothing to say */
        bool chain;               /* with every version, rule and source (explain) */
};

/* The text of the report, compact or indented; the caller frees. Returns -ENOMEM. */
int report_build(const struct report_input *input, bool pretty, char **ret) MUST_CHECK;
