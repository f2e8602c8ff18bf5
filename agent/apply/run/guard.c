/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/run/guard.h"

#include "apply/rollback/kept.h"
#include "apply/rollback/rollback.h"
#include "apply/rollback/vetoes.h"
#include "apply/run/steps.h"
#include "apply/scripts/health.h"
#include "apply/scripts/hooks.h"
#include "base/str.h"
#include "host/log.h"

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

        service_progress(run->service, "checking", "running pre-run hooks and health checks");
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

/* ---- around each attempt ---- */

int guard_before_attempt(struct run *run, const struct attempt *attempt)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < attempt->step.n_items; i++) {
                struct outcome_package *package = &run->outcome->packages[attempt->indexes[i]];

                free(package->kept);
                r = kept_keep(&run->installer, run->config, run->judgement->inventory,
                              &attempt->step.items[i], &package->kept);
                if (r >= 0 && package->kept && str_has_prefix(package->kept, "not kept"))
                        log_line(LOG_LEVEL_WARNING, "%s %s can't be rolled back to: %s",
                                 package->name, package->version_from, package->kept);
        }
        return r;
}

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

        if (r < 0 || changed[0] == '\0')
                return r;
        r = health_check(run->service, run->config, SCRIPT_AFTER_STEP, ++run->n_attempts, changed,
                         run->outcome, &broken);
        return r < 0 || !broken ? r : rollback_attempt(run, attempt, broken, diag);
}

/* ---- after all ---- */

int guard_finish(struct run *run)
{
        struct outcome *outcome = run->outcome;
        struct diag why = {0};
        int r = vetoes_settle(run->service->paths, outcome, &why);

        if (r == -ENOMEM)
                return r;
        if (r < 0)
                log_line(LOG_LEVEL_WARNING, "old vetoes are kept: %s", diag_text(&why, r));
        if (run->refusal) {
                outcome->result = RUN_REFUSED;
                free(outcome->message);
                outcome->message = strdup(run->refusal);
                if (!outcome->message)
                        return -ENOMEM;
        }
        return run->hooks_started ? hooks_post_run(run->service, run->config, outcome) : 0;
}
