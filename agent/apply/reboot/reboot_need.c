/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/reboot/reboot_need.h"

#include "apply/packages/truth.h"
#include "apply/reboot/reboot_book.h"
#include "apply/reboot/rebooting.h"
#include "apply/reboot/services.h"
#include "base/str.h"
#include "base/timetext.h"
#include "host/log.h"

#include <string.h>

enum { OPERATION_WAITS_SECONDS = SECONDS_PER_HOUR };

static bool has_changed(const struct outcome *outcome)
{
        for (size_t i = 0; i < outcome->n_packages; i++)
                if (outcome->packages[i].result == PACKAGE_UPDATED ||
                    outcome->packages[i].result == PACKAGE_INSTALLED)
                        return true;
        return false;
}

/* The run that a policy of `always` wants a reboot for: this one, or one before it in this boot. */
static int note_owed(struct run *run)
{
        const struct assignment *assignment = run->judgement->decisions->assignment;
        const struct outcome *last = run->judgement->facts.last_run;
        struct outcome *outcome = run->outcome;
        const char *owed_by = NULL;

        if (last && last->boot_id && outcome->boot_id &&
            strcmp(last->boot_id, outcome->boot_id) == 0)
                owed_by = last->reboot_owed_by;
        if (assignment && assignment->reboot == REBOOT_ALWAYS && has_changed(outcome))
                owed_by = run->run_id;
        outcome->reboot_owed_by = owed_by ? strdup(owed_by) : NULL;
        return owed_by && !outcome->reboot_owed_by ? -ENOMEM : 0;
}

/* What asks for a reboot now, with the services of this run. */
static int find_reasons(struct run *run, struct reboot_state *state, struct diag *diag)
{
        CLEANUP(inventory_freep) struct inventory *inventory = NULL;
        size_t n_before;
        int r = truth_collect(&inventory, diag);

        if (r >= 0)
                r = host_reboot_state(&run->root, &run->judgement->node, inventory, state, diag);
        if (r < 0)
                return r;
        if (state->required != REBOOT_REQUIRED_YES)
                strv_done(&state->reasons); /* they say why it is not known */
        n_before = state->reasons.n_items;
        r = reboot_service_reasons(&run->outcome->services_to_restart, &state->reasons);
        if (state->reasons.n_items > n_before)
                state->required = REBOOT_REQUIRED_YES;
        return r;
}

static void log_need(const struct run *run, const struct reboot_state *state,
                     const struct reboot_decision *decision)
{
        struct event_fields fields = {.run_id = run->run_id,
                                      .policy_id = run->outcome->policy_id,
                                      .policy_version = run->outcome->policy_version};

        if (state->required == REBOOT_REQUIRED_YES && state->reasons.n_items > 0) {
                fields.reason = state->reasons.items[0];
                log_event(EVENT_REBOOT_REQUIRED, &fields);
        }
        if (decision->choice == REBOOT_HELD || decision->choice == REBOOT_POSTPONE) {
                fields.reason = decision->text;
                log_event(EVENT_REBOOT_NOT_PERFORMED, &fields);
        }
}

static int ask(struct run *run, const struct reboot_state *state, struct reboot_book *book,
               struct reboot_decision *ret)
{
        const struct assignment *assignment = run->judgement->decisions->assignment;
        const struct reboot_question question = {
            .mode = assignment ? assignment->reboot : REBOOT_NEVER,
            .is_unknown = state->required == REBOOT_REQUIRED_UNKNOWN,
            .reasons = &state->reasons,
            .owed_by = run->outcome->reboot_owed_by,
            .tried = reboot_book_tried(book, run->outcome->boot_id),
            .unhelped = &book->unhelped,
            .n_of_run = reboot_book_count_run(book, run->run_id),
            .n_of_opening = reboot_book_count_since(book, run->opening.opens_at),
            .opening = run->opening,
            .reserve_seconds = reboot_reserve_seconds(book->durations_seconds, book->n_durations),
            .now = time(NULL),
        };

        return reboot_decide(&question, ret);
}

/* A reason that has gone may come again another day. */
static int forget_cured(struct run *run, const struct reboot_state *state, struct reboot_book *book)
{
        CLEANUP(strv_done) struct strv left = {0};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < book->unhelped.n_items; i++)
                if (strv_contains(&state->reasons, book->unhelped.items[i]))
                        r = strv_add(&left, book->unhelped.items[i]);
        if (r < 0 || left.n_items == book->unhelped.n_items)
                return r;
        strv_done(&book->unhelped);
        book->unhelped = left;
        left = (struct strv){0};
        r = reboot_book_write(run->service->paths, book, NULL);
        return r == -ENOMEM ? r : 0; /* it is only noted again the next time */
}

static int settle_choice(struct run *run, struct reboot_decision *decision)
{
        struct outcome *outcome = run->outcome;
        int r = 0;

        outcome->reboot_phase =
            decision->choice == REBOOT_POSTPONE ? REBOOT_PHASE_POSTPONED : REBOOT_PHASE_NONE;
        outcome->reboot = TAKE_PTR(decision->text);
        if (decision->choice == REBOOT_GO)
                r = rebooting_arm(run, &decision->reasons);
        return r;
}

/* One that ignores the window has an hour to overcome what is in its way. */
static struct opening operation_opening(const struct run *run, time_t now)
{
        if (run->opening.closes_at > 0 || !run->ignores_window)
                return run->opening;
        return (struct opening){.opens_at = now,
                                .closes_at = now + OPERATION_WAITS_SECONDS,
                                .cutoff_at = now + OPERATION_WAITS_SECONDS};
}

int reboot_need_operation(struct run *run)
{
        CLEANUP(reboot_decision_done) struct reboot_decision decision = {0};
        CLEANUP(reboot_state_done) struct reboot_state state = {0};
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        struct reboot_question question = {
            .mode = REBOOT_IF_NEEDED, .reasons = &state.reasons, .now = time(NULL)};
        int r = strv_addf(&state.reasons, "operation '%s' of the policy asks for it",
                          run->operation->id);

        if (r >= 0)
                r = reboot_book_read(run->service->paths, &book);
        run->opening = operation_opening(run, question.now);
        question.opening = run->opening;
        question.tried = reboot_book_tried(&book, run->outcome->boot_id);
        question.n_of_opening = reboot_book_count_since(&book, run->opening.opens_at);
        question.reserve_seconds = reboot_reserve_seconds(book.durations_seconds, book.n_durations);
        if (r >= 0)
                r = reboot_decide(&question, &decision);
        if (r < 0)
                return r;
        log_need(run, &state, &decision);
        return settle_choice(run, &decision);
}

static int judge(struct run *run, struct diag *diag)
{
        CLEANUP(reboot_state_done) struct reboot_state state = {0};
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        CLEANUP(reboot_decision_done) struct reboot_decision decision = {0};
        int r = find_reasons(run, &state, diag);

        if (r < 0)
                return r;
        run->outcome->reboot_required = state.required == REBOOT_REQUIRED_YES;
        r = reboot_book_read(run->service->paths, &book);
        if (r >= 0)
                r = forget_cured(run, &state, &book);
        if (r >= 0)
                r = ask(run, &state, &book, &decision);
        if (r < 0)
                return r;
        log_need(run, &state, &decision);
        return settle_choice(run, &decision);
}

int reboot_need_judge(struct run *run)
{
        struct diag why = {0};
        int r = note_owed(run);

        service_progress(run->service, "verifying", "looking for what still uses old files");
        if (r >= 0)
                r = services_look(run->outcome);
        if (r >= 0)
                r = judge(run, &why);
        if (r >= 0 || r == -ENOMEM)
                return r;
        log_line(LOG_LEVEL_WARNING, "whether a reboot is needed is not known: %s",
                 diag_text(&why, r));
        return 0;
}
