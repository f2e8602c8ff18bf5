/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/scripts/health.h"

#include "apply/scripts/scripts.h"
#include "base/str.h"
#include "host/log.h"

#include <string.h>

enum { USEC_PER_SEC = 1000 * 1000 };

static int run_checks(const struct service *service, const struct config *config,
                      struct scripts_call *call, struct outcome *outcome)
{
        CLEANUP(freep) char *path = str_format("%s/checks.d", service->paths->etc);
        size_t n_failed = 0;

        if (!path)
                return -ENOMEM;
        call->path = path;
        call->timeout_usec = (uint64_t)config->check_timeout_seconds * USEC_PER_SEC;
        call->run_id = outcome->run_id;
        call->trigger = outcome->trigger;
        call->policy_id = outcome->policy_id;
        call->policy_version = outcome->policy_version;
        return scripts_run(call, &outcome->scripts, &n_failed);
}

/* "check 'web' failed: exit code 1: connection refused" */
static char *describe(const struct script_result *result)
{
        CLEANUP(freep) char *said = script_result_describe(result);

        return said ? str_format("check '%s' failed: %s", result->name, said) : NULL;
}

static void say(const struct outcome *outcome, const char *text, const char *packages)
{
        const struct event_fields fields = {.run_id = outcome->run_id,
                                            .policy_id = outcome->policy_id,
                                            .policy_version = outcome->policy_version,
                                            .package = packages,
                                            .reason = text};

        log_event(EVENT_CHECK_FAILED, &fields);
}

int health_baseline(const struct service *service, const struct config *config,
                    struct outcome *outcome)
{
        struct scripts_call call = {.phase = SCRIPT_BEFORE};
        size_t first = outcome->scripts.n_items;
        int r = run_checks(service, config, &call, outcome);

        for (size_t i = first; r >= 0 && i < outcome->scripts.n_items; i++) {
                const struct script_result *result = &outcome->scripts.items[i];
                CLEANUP(freep) char *said = result->passed ? NULL : describe(result);
                CLEANUP(freep)
                char *text = said ? str_format("%s; it fails before the run already, so it will "
                                               "roll nothing back",
                                               said)
                                  : NULL;

                if (result->passed)
                        continue;
                if (!text)
                        return -ENOMEM;
                say(outcome, text, NULL);
        }
        return r;
}

int health_check(const struct service *service, const struct config *config,
                 enum script_phase phase, int step, const char *packages, struct outcome *outcome,
                 char **ret_broken)
{
        CLEANUP(freep) char *number = step > 0 ? str_format("%d", step) : NULL;
        struct scripts_call call = {.phase = phase, .step = number, .packages = packages};
        CLEANUP(str_done) struct str broken = {0};
        size_t first = outcome->scripts.n_items;
        int r = run_checks(service, config, &call, outcome);

        for (size_t i = first; r >= 0 && i < outcome->scripts.n_items; i++) {
                const struct script_result *result = &outcome->scripts.items[i];
                const struct script_result *before =
                    script_results_find(&outcome->scripts, SCRIPT_BEFORE, result->name);
                CLEANUP(freep) char *text = result->passed ? NULL : describe(result);

                if (result->passed || !before || !before->passed)
                        continue;
                if (!text)
                        return -ENOMEM;
                say(outcome, text, packages);
                str_appendf(&broken, "%s%s", broken.length > 0 ? "; " : "", text);
        }
        if (r < 0 || broken.length == 0)
                return r;
        return str_take(&broken, ret_broken);
}
