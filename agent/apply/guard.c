/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/guard.h"

#include "apply/health.h"
#include "apply/hooks.h"
#include "apply/steps.h"
#include "base/str.h"

#include <string.h>

/* ---- before ---- */

static int refuse(struct run *run)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < run->n_items; i++)
                r = attempt_set_result(run, i, PACKAGE_SKIPPED, run->refusal);
        return r;
}

int guard_run_steps(struct run *run, struct diag *diag)
{
        CLEANUP(freep) char *said = NULL;
        int r;

        service_progress(run->service, "checking", "running pre-run hooks and health checks", -1);
        run->hooks_started = true;
        r = hooks_pre_run(run->service, run->config, run->outcome, &said);
        if (r < 0)
                return r;
        if (said) {
                run->refusal = str_format("nothing was changed: %s", said);
                return run->refusal ? refuse(run) : -ENOMEM;
        }
        r = health_baseline(run->service, run->config, run->outcome);
        return r < 0 ? r : steps_run(run, diag);
}

/* ---- after each attempt ---- */

/* "name=version ..." of what the attempt changed; "" when nothing. */
static int list_changed(const struct run *run, const struct attempt *attempt, char **ret)
{
        CLEANUP(str_done) struct str text = {0};

        for (size_t i = 0; i < attempt->step.n_items; i++)
                if (attempt_is_done(&run->outcome->packages[attempt->indexes[i]]))
                        str_appendf(&text, "%s%s=%s", text.length > 0 ? " " : "",
                                    attempt->step.items[i].name, attempt->step.items[i].version_to);
        return str_take(&text, ret);
}

int guard_after_attempt(struct run *run, const struct attempt *attempt, struct diag *diag)
{
        CLEANUP(freep) char *changed = NULL, *broken = NULL;
        int r = list_changed(run, attempt, &changed);

        (void)diag;
        if (r < 0 || changed[0] == '\0')
                return r;
        return health_check(run->service, run->config, SCRIPT_AFTER_STEP, ++run->n_attempts,
                            changed, run->outcome, &broken);
}

/* ---- after all ---- */

int guard_finish(struct run *run)
{
        struct outcome *outcome = run->outcome;

        if (run->refusal) {
                outcome->result = RUN_REFUSED;
                free(outcome->message);
                outcome->message = strdup(run->refusal);
                if (!outcome->message)
                        return -ENOMEM;
        }
        return run->hooks_started ? hooks_post_run(run->service, run->config, outcome) : 0;
}
