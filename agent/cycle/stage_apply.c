/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "cycle/cycle-private.h"
#include "cycle/helper.h"
#include "cycle/memory.h"
#include "cycle/run.h"
#include "host/log.h"

#include <string.h>

/* What is fetched ahead of a run is a part of it. */
enum { FETCHED_AHEAD = 3000 };

/* In the helper's words; its percent is of what it was asked for. */
static int on_helper_progress(const struct progress *progress, void *context)
{
        struct cycle *cycle = context;
        struct progress here = *progress;

        if (here.percent >= 0)
                here.percent = progress_meter_reach(&cycle->meter, here.percent, 100);
        return cycle_tell(cycle, &here);
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

/* The helper is gone without a word: what it left is ended now, not at the next poll. */
static int recover(struct cycle *cycle, const char *key, const char *run_id, const char *text,
                   struct diag *diag)
{
        int r = note_refusal(cycle, key, run_id, NULL, text);

        return r < 0 ? r : cycle_recover(cycle, diag);
}

int cycle_ask_helper(struct cycle *cycle, const struct run_order *order, struct outcome **ret,
                     struct diag *diag)
{
        CLEANUP(outcome_freep) struct outcome *outcome = NULL;
        CLEANUP(freep) char *run_id = host_new_run_id(cycle->now);
        CLEANUP(freep) char *key = str_format(MEMORY_RUN_REFUSED ".%s", order->method);
        CLEANUP(freep) char *error = NULL;
        struct diag trouble = {0};
        int r;

        if (!run_id || !key)
                return -ENOMEM;
        r = helper_run(
            &(struct helper_request){
                .paths = cycle->options->paths,
                .envelope = &cycle->fetched.envelope,
                .run_id = run_id,
                .plan = order->plan,
                .operation = order->operation,
                .on_progress = on_helper_progress,
                .context = cycle,
            },
            order->method, &outcome, &error, &trouble);
        if (r == -ENOMEM)
                return r;
        if (r < 0 && !error)
                return recover(cycle, key, run_id, diag_text(&trouble, r), diag);
        if (r < 0)
                return note_refusal(cycle, key, run_id, error, diag_text(&trouble, r));
        (void)memory_changed(cycle->store, key, NULL);
        if (outcome && outcome->result == RUN_REFUSED) {
                cycle->is_unfinished = true; /* the helper has said so in the journal */
                r = cycle_result_add_error(cycle->result, outcome->message, 0);
        }
        if (ret)
                *ret = TAKE_PTR(outcome);
        return r < 0 ? diag_fail(diag, r, "out of memory") : 0;
}

bool cycle_count_attempt(struct cycle *cycle, const char *key, const struct opening *opening,
                         int64_t max)
{
        char opens_at[TIME_TEXT_SIZE];
        CLEANUP(freep) char *before = memory_get(cycle->store, key);
        CLEANUP(freep)
        char *prefix = str_format("%s %s ", time_to_rfc3339(opening->opens_at, opens_at),
                                  cycle->fetched.policy->digest);
        CLEANUP(freep) char *after = NULL;
        unsigned long long attempts = 0;

        if (prefix && before && str_has_prefix(before, prefix) &&
            str_to_uint64(before + strlen(prefix), INT32_MAX, &attempts) < 0)
                attempts = 0;
        if (!prefix || (int64_t)attempts >= max)
                return false;
        after = str_format("%s%llu", prefix, attempts + 1);
        return after && memory_set(cycle->store, key, after) >= 0;
}

static int apply(struct cycle *cycle, const struct plan *plan, const struct run_question *question,
                 const struct opening *opening, struct diag *diag)
{
        const struct run_order order = {.method = "Apply", .plan = plan};
        int r;

        if (!cycle_count_attempt(cycle, MEMORY_RUN_ATTEMPTS, opening, run_attempts_max(question)))
                return 0;
        cycle->is_unfinished = true; /* what failed is tried again at the next poll */
        r = cycle_progress(cycle, "apply", "applying what is approved");
        progress_meter_enter(&cycle->meter, FETCHED_AHEAD, PROGRESS_WHOLE);
        if (r >= 0)
                r = cycle_ask_helper(cycle, &order, NULL, diag);
        if (r < 0)
                return r;
        cycle->now = time(NULL);
        cycle_take_fingerprint(cycle);
        return cycle_judge(cycle, diag);
}

static struct run_question make_question(const struct cycle *cycle, const struct plan *plan)
{
        const struct judgement *judgement = cycle->judgement;
        const struct assignment *assignment = judgement->decisions->assignment;

        return (struct run_question){
            .decisions = judgement->decisions,
            .n_planned = plan_n_items(plan),
            .reboot_required = judgement->reboot.required == REBOOT_REQUIRED_YES && assignment &&
                               assignment->reboot != REBOOT_NEVER,
            .now = cycle->now,
        };
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
        if (r < 0)
                return r;
        question = make_question(cycle, plan);
        choice = run_choose(&question, &opening);
        if (choice == RUN_NOTHING)
                return 0;
        cycle->meter = (struct progress_meter){0};
        if (question.n_planned > 0) {
                r = cycle_progress(cycle, "download", "fetching what is approved");
                progress_meter_enter(&cycle->meter, 0,
                                     choice == RUN_APPLY ? FETCHED_AHEAD : PROGRESS_WHOLE);
                if (r >= 0)
                        r = cycle_ask_helper(cycle, &(struct run_order){.method = "Download"}, NULL,
                                             diag);
                if (r < 0)
                        return r;
        }
        return choice == RUN_APPLY ? apply(cycle, plan, &question, &opening, diag) : 0;
}
