/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "cycle/changes.h"
#include "cycle/cycle-private.h"
#include "cycle/deliver.h"
#include "cycle/fingerprint.h"
#include "cycle/memory.h"
#include "host/apply_state.h"
#include "host/log.h"

#include <string.h>

/* ---- report ---- */

/* The text of what the history lacks, or has otherwise: a run changes once more when its reboot
 * comes. NULL: it is no news. */
static int news_of(const struct cycle *cycle, const struct outcome *outcome, char **ret)
{
        CLEANUP(freep) char *text = NULL, *before = NULL;
        int r = outcome_to_text(outcome, &text);

        if (r < 0)
                return r;
        if (store_get_run(cycle->store, outcome->run_id, &before, NULL) < 0 ||
            !str_equal(before, text))
                *ret = TAKE_PTR(text);
        return 0;
}

static struct store_run run_of(const struct outcome *outcome, const char *text)
{
        return (struct store_run){
            .run_id = outcome->run_id, .outcome = text, .started_at = outcome->started_at};
}

int cycle_keep_outcome(struct cycle *cycle, const struct outcome *outcome, struct diag *diag)
{
        CLEANUP(freep) char *text = NULL;
        struct store_run run;
        int r = news_of(cycle, outcome, &text);

        if (r < 0 || !text)
                return r;
        cycle->after_run = true;
        run = run_of(outcome, text);
        return store_add_run(cycle->store, &run, diag);
}

static void say_judged(struct cycle *cycle)
{
        const struct judgement *judgement = cycle->judgement;
        const struct decisions *decisions = judgement->decisions;
        bool required = judgement->reboot.required == REBOOT_REQUIRED_YES;
        CLEANUP(freep) char *reasons = NULL;
        CLEANUP(freep) char *unknown = NULL;

        if (decisions->compliance == COMPLIANCE_UNKNOWN)
                (void)!strv_join(&decisions->unknown_reasons, "; ", &unknown);
        log_event(EVENT_SCAN_FINISHED,
                  &(struct event_fields){
                      .policy_id = cycle->fetched.policy->policy_id,
                      .policy_version = cycle->fetched.policy->version,
                      .result = enum_name(&compliance_names, (int)decisions->compliance),
                      .reason = unknown});
        if (required && strv_join(&judgement->reboot.reasons, "; ", &reasons) < 0)
                return;
        if (memory_changed(cycle->store, MEMORY_REBOOT_REQUIRED, reasons) && required)
                log_event(EVENT_REBOOT_REQUIRED, &(struct event_fields){.reason = reasons});
}

static int add_report(struct cycle *cycle, const char *report, const char *substance,
                      const struct store_run *run, struct diag *diag)
{
        char digest[SHA256_TEXT_SIZE];
        const struct store_report new = {
            .report = report, .sha256 = digest, .spool = cycle->config->report_url, .run = run};
        size_t n_dropped = 0;
        int r;

        r = digest_of(report, strlen(report), digest);
        if (r >= 0)
                r = store_add_report(cycle->store, &new, NULL, &n_dropped, diag);
        if (r < 0)
                return r;
        if (n_dropped > 0)
                log_event(EVENT_REPORT_DROPPED,
                          &(struct event_fields){.reason = "the spool of reports was full"});
        (void)memory_set(cycle->store, MEMORY_REPORT_DIGEST, substance);
        (void)memory_set_int(cycle->store, MEMORY_REPORT_AT, cycle->now);
        return 0;
}

/* outcome: that it tells of; NULL: the last one. run: the same for the history; NULL: it has it. */
static int make_report(struct cycle *cycle, const struct outcome *outcome,
                       const struct store_run *run, struct diag *diag)
{
        CLEANUP(freep) char *report = NULL;
        CLEANUP(freep) char *last = memory_get(cycle->store, MEMORY_REPORT_DIGEST);
        int64_t last_at = memory_get_int(cycle->store, MEMORY_REPORT_AT);
        char substance[SHA256_TEXT_SIZE];
        int r;

        r = judgement_report(
            cycle->judgement,
            &(struct judgement_report_options){.sequence = store_next_sequence(cycle->store),
                                               .last_run = outcome},
            &report);
        if (r >= 0)
                r = changes_digest(report, substance, diag);
        if (r < 0)
                return r;
        /* Where reports stay on the node, the last one is always the newest. */
        if (cycle->config->report_url && !run &&
            !changes_are_due(substance, last, last_at, cycle->after_run, cycle->now))
                return 0;
        return add_report(cycle, report, substance, run, diag);
}

/* ---- what has ended since the last report ---- */

/* An agent that has lost its memory tells no old stories. */
static time_t untold_since(const struct cycle *cycle)
{
        int64_t last_at = memory_get_int(cycle->store, MEMORY_REPORT_AT);

        return last_at > 0 ? last_at : cycle->now - SECONDS_PER_DAY;
}

/* One that ended before the last one: an interrupted run, say, that the same cycle found and
 * followed with another. */
static int tell_earlier(struct cycle *cycle, const struct outcome *outcome, time_t since,
                        struct diag *diag)
{
        CLEANUP(freep) char *text = NULL;
        struct store_run run;
        int r = news_of(cycle, outcome, &text);

        if (r < 0 || !text)
                return r;
        run = run_of(outcome, text);
        return cycle->config->report_url && outcome->finished_at >= since
                   ? make_report(cycle, outcome, &run, diag)
                   : store_add_run(cycle->store, &run, diag);
}

static int tell_last(struct cycle *cycle, const struct outcome *last, struct diag *diag)
{
        CLEANUP(freep) char *text = NULL;
        struct store_run run;
        int r = last ? news_of(cycle, last, &text) : 0;

        if (r < 0 || !text)
                return r < 0 ? r : make_report(cycle, NULL, NULL, diag);
        run = run_of(last, text);
        return make_report(cycle, NULL, &run, diag);
}

/* Each run once, those of administrators too. What ended after the judgement wakes the next cycle.
 */
static int tell_runs(struct cycle *cycle, struct diag *diag)
{
        const struct outcome *last = cycle->judgement->facts.last_run;
        const time_t since = untold_since(cycle);
        struct outcome **outcomes = NULL;
        size_t n_outcomes = 0;
        int r;

        r = apply_state_outcomes(cycle->options->paths, &outcomes, &n_outcomes, diag);
        for (size_t i = n_outcomes; i > 0; i--) { /* oldest first */
                if (r >= 0 && last && outcome_compare(outcomes[i - 1], last) < 0)
                        r = tell_earlier(cycle, outcomes[i - 1], since, diag);
                outcome_free(outcomes[i - 1]);
        }
        free(outcomes);
        return r < 0 ? r : tell_last(cycle, last, diag);
}

/* The next poll may end early when nothing of this changes. */
static int remember_judgement(struct cycle *cycle)
{
        CLEANUP(freep) char *result = NULL;
        time_t until = fingerprint_holds_until(cycle->judgement);
        time_t feeds_until = feed_set_expires(&cycle->fetched.feeds);
        int r = cycle_result_to_text(cycle->result, &result);

        if (r < 0)
                return r;
        (void)memory_set(cycle->store, MEMORY_LAST_RESULT, result);
        (void)memory_set_int(cycle->store, MEMORY_FINGERPRINT_AT, cycle->now);
        (void)memory_set_int(cycle->store, MEMORY_FINGERPRINT_UNTIL,
                             feeds_until > 0 && feeds_until < until ? feeds_until : until);
        (void)memory_set(cycle->store, MEMORY_FINGERPRINT,
                         cycle->is_unfinished || !cycle->fingerprint[0] ? NULL
                                                                        : cycle->fingerprint);
        return 0;
}

int cycle_report(struct cycle *cycle, struct diag *diag)
{
        struct diag trouble = {0};
        int r;

        (void)diag;
        if (!cycle->judgement)
                return 0;
        say_judged(cycle);
        r = tell_runs(cycle, &trouble);
        if (r >= 0)
                return remember_judgement(cycle);
        if (r == -ENOMEM)
                return r;
        /* A full disk: the judgement stands, and at the next poll it is made and kept again. */
        log_event(EVENT_STATE_PROBLEM, &(struct event_fields){.reason = diag_text(&trouble, r)});
        (void)memory_set(cycle->store, MEMORY_FINGERPRINT, NULL);
        return cycle_result_add_error(cycle->result, diag_text(&trouble, r), 0);
}

/* ---- deliver ---- */

int cycle_deliver(struct cycle *cycle, struct diag *diag)
{
        CLEANUP(delivered_done) struct delivered delivered = {0};
        struct delivery delivery = {
            .config = cycle->config,
            .store = cycle->store,
            .transport = cycle->transport,
            .node_id = cycle->node.id,
            .policy_id = cycle->config->policy_id,
        };
        int r;

        if (!cycle->config->report_url)
                return 0;
        r = deliver_spool(&delivery, &delivered, diag);
        if (r < 0)
                return r;
        if (delivered.error)
                cycle->result->is_reachable = false;
        return cycle_result_add_error(cycle->result, delivered.error,
                                      delivered.retry_after_seconds);
}
