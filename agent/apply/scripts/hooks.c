/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/scripts/hooks.h"

#include "apply/scripts/scripts.h"
#include "base/str.h"
#include "host/log.h"

#include <string.h>

enum { USEC_PER_SEC = 1000 * 1000 };

static int say_failure(const struct outcome *outcome, const struct script_result *result,
                       char **ret_text)
{
        CLEANUP(freep) char *said = script_result_describe(result);
        CLEANUP(freep) char *text = NULL;
        const struct event_fields fields = {.run_id = outcome->run_id,
                                            .policy_id = outcome->policy_id,
                                            .policy_version = outcome->policy_version};
        struct event_fields event = fields;

        if (!said)
                return -ENOMEM;
        text = str_format("%s hook '%s' failed: %s",
                          enum_name(&script_phase_names, (int)result->phase), result->name, said);
        if (!text)
                return -ENOMEM;
        event.reason = text;
        log_event(EVENT_HOOK_FAILED, &event);
        if (ret_text && !*ret_text)
                *ret_text = TAKE_PTR(text);
        return 0;
}

/* *ret_text: the first failure; untouched when there is none. */
static int run_hooks(const struct service *service, const struct config *config,
                     enum script_phase phase, struct outcome *outcome, char **ret_text)
{
        const char *name = enum_name(&script_phase_names, (int)phase);
        CLEANUP(freep) char *path = str_format("%s/hooks.d/%s", service->paths->etc, name);
        const struct scripts_call call = {
            .path = path,
            .phase = phase,
            .timeout_usec = (uint64_t)config->hook_timeout_seconds * USEC_PER_SEC,
            .run_id = outcome->run_id,
            .trigger = outcome->trigger,
            .policy_id = outcome->policy_id,
            .policy_version = outcome->policy_version,
            .result = phase == SCRIPT_POST_RUN ? enum_name(&run_result_names, (int)outcome->result)
                                               : NULL,
            .stop_at_failure = phase == SCRIPT_PRE_RUN,
        };
        size_t first = outcome->scripts.n_items, n_failed = 0;
        int r = path ? scripts_run(&call, &outcome->scripts, &n_failed) : -ENOMEM;

        for (size_t i = first; r >= 0 && i < outcome->scripts.n_items; i++)
                if (!outcome->scripts.items[i].passed)
                        r = say_failure(outcome, &outcome->scripts.items[i], ret_text);
        return r;
}

int hooks_pre_run(const struct service *service, const struct config *config,
                  struct outcome *outcome, char **ret_refusal)
{
        return run_hooks(service, config, SCRIPT_PRE_RUN, outcome, ret_refusal);
}

int hooks_post_run(const struct service *service, const struct config *config,
                   struct outcome *outcome)
{
        return run_hooks(service, config, SCRIPT_POST_RUN, outcome, NULL);
}
