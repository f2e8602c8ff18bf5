/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "cycle/cycle-private.h"
#include "cycle/helper.h"
#include "cycle/memory.h"
#include "cycle/operations.h"
#include "cycle/run.h"
#include "host/log.h"

#include <string.h>

static int on_helper_progress(const char *text, int percent, void *context)
{
        return cycle_progress(context, "apply", text, percent);
}

/* The helper's own words, once per change. That it runs already is no refusal. */
static int note_refusal(struct cycle *cycle, const char *key, const char *run_id, const char *error,
                        const char *text)
{
        cycle->is_unfinished = true;
        if (error && strcmp(error, HELPER_ALREADY_RUNNING) == 0)
                return 0;
        if (memory_changed(cycle->store, key, text))
                log_event(EVENT_RUN_REFUSED,
                          &(struct event_fields){.run_id = run_id,
                                                 .policy_id = cycle->fetched.policy->policy_id,
                                                 .policy_version = cycle->fetched.policy->version,
                                                 .reason = text});
        return cycle_result_add_error(cycle->result, text, 0);
}

static int ask_helper(struct cycle *cycle, const struct plan *plan, const char *method)
{
        CLEANUP(outcome_freep) struct outcome *outcome = NULL;
        CLEANUP(freep) char *run_id = host_new_run_id(cycle->now);
        CLEANUP(freep) char *key = str_format(MEMORY_RUN_REFUSED ".%s", method);
        CLEANUP(freep) char *error = NULL;
        struct diag diag = {0};
        int r;

        if (!run_id || !key)
                return -ENOMEM;
        r = helper_run(
            &(struct helper_request){
                .paths = cycle->options->paths,
                .envelope = &cycle->fetched.envelope,
                .run_id = run_id,
                .plan = plan,
                .on_progress = on_helper_progress,
                .context = cycle,
            },
            method, &outcome, &error, &diag);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return note_refusal(cycle, key, run_id, error, diag_text(&diag, r));
        (void)memory_changed(cycle->store, key, NULL);
        if (!outcome || outcome->result != RUN_REFUSED)
                return 0;
        cycle->is_unfinished = true; /* the helper has said so in the journal */
        return cycle_result_add_error(cycle->result, outcome->message, 0);
}

/* How often has the helper been asked to apply in this opening, with this policy? Counts this time
 * too, before it: what breaks the cycle off must not be tried for ever. */
static bool count_attempt(struct cycle *cycle, const struct run_question *question,
                          const struct opening *opening)
{
        char opens_at[TIME_TEXT_SIZE];
        CLEANUP(freep) char *before = memory_get(cycle->store, MEMORY_RUN_ATTEMPTS);
        CLEANUP(freep)
        char *key = str_format("%s %s ", time_to_rfc3339(opening->opens_at, opens_at),
                               cycle->fetched.policy->digest);
        CLEANUP(freep) char *after = NULL;
        unsigned long long attempts = 0;

        if (key && before && str_has_prefix(before, key) &&
            str_to_uint64(before + strlen(key), INT32_MAX, &attempts) < 0)
                attempts = 0;
        if (!key || !run_may_try(question, (int64_t)attempts))
                return false;
        after = str_format("%s%llu", key, attempts + 1);
        return after && memory_set(cycle->store, MEMORY_RUN_ATTEMPTS, after) >= 0;
}

static int apply(struct cycle *cycle, const struct plan *plan, const struct run_question *question,
                 const struct opening *opening, struct diag *diag)
{
        int r;

        if (!count_attempt(cycle, question, opening))
                return 0;
        cycle->is_unfinished = true; /* what failed is tried again at the next poll */
        r = cycle_progress(cycle, "apply", "applying what is approved", -1);
        if (r >= 0)
                r = ask_helper(cycle, plan, "Apply");
        if (r < 0)
                return r;
        cycle->now = time(NULL);
        cycle_take_fingerprint(cycle);
        return cycle_judge(cycle, diag);
}

static int make_question(struct cycle *cycle, const struct plan *plan, struct run_question *ret)
{
        const struct judgement *judgement = cycle->judgement;
        const struct assignment *assignment = judgement->decisions->assignment;
        struct operations_due due;
        struct diag trouble = {0};
        int r;

        *ret = (struct run_question){
            .decisions = judgement->decisions,
            .n_planned = plan_n_items(plan),
            .reboot_required = judgement->reboot.required == REBOOT_REQUIRED_YES && assignment &&
                               assignment->reboot != REBOOT_NEVER,
            .now = cycle->now,
        };
        r = operations_find(cycle->options->paths, cycle->fetched.policy, &judgement->node,
                            cycle->now, &due, &trouble);
        if (r == -ENOMEM ||
            (r < 0 && cycle_result_add_error(cycle->result, diag_text(&trouble, r), 0) < 0))
                return -ENOMEM;
        ret->operation = due.in_window;
        ret->operation_now = due.at_once;
        return 0;
}

int cycle_apply(struct cycle *cycle, struct diag *diag)
{
        static const struct plan_request everything = {.all = true};
        CLEANUP(plan_freep) struct plan *plan = NULL;
        struct run_question question;
        struct opening opening;
        enum run_choice choice;
        int r;

        if (!cycle->judgement)
                return 0;
        /* A run that has just ended is to be reported, not followed by the next try at once. */
        if (strcmp(cycle->options->trigger, "outcome") == 0) {
                cycle->is_unfinished = true;
                return 0;
        }
        r = plan_build(cycle->judgement->decisions, &everything, &plan);
        if (r >= 0)
                r = make_question(cycle, plan, &question);
        if (r < 0)
                return r;
        choice = run_choose(&question, &opening);
        if (choice == RUN_NOTHING)
                return 0;
        if (question.n_planned > 0) {
                r = cycle_progress(cycle, "download", "fetching what is approved", -1);
                if (r >= 0)
                        r = ask_helper(cycle, plan, "Download");
                if (r < 0)
                        return r;
        }
        return choice == RUN_APPLY ? apply(cycle, plan, &question, &opening, diag) : 0;
}
