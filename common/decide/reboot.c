/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/reboot.h"

#include "base/str.h"
#include "base/timetext.h"

#include <inttypes.h>
#include <string.h>

int64_t reboot_reserve_seconds(const int64_t *durations_seconds, size_t n_durations)
{
        int64_t longest = 0, reserve;

        for (size_t i = 0; i < n_durations; i++)
                if (durations_seconds[i] > longest)
                        longest = durations_seconds[i];
        if (longest == 0)
                return REBOOT_RESERVE_DEFAULT_SECONDS;
        if (longest > REBOOT_RESERVE_MAX_SECONDS)
                return REBOOT_RESERVE_MAX_SECONDS;
        reserve = longest + longest / 2 + SECONDS_PER_MINUTE;
        return reserve < REBOOT_RESERVE_MIN_SECONDS   ? REBOOT_RESERVE_MIN_SECONDS
               : reserve > REBOOT_RESERVE_MAX_SECONDS ? REBOOT_RESERVE_MAX_SECONDS
                                                      : reserve;
}

/* ---- reasons ---- */

char *reboot_owed_reason(const char *run_id)
{
        return str_format("the policy reboots after each run that changes something, as run %s did",
                          run_id);
}

int reboot_service_reasons(const struct strv *services, struct strv *reasons)
{
        /* Every session and many services hang on the message bus. */
        static const char *const not_restartable[] = {"dbus.service", "dbus-broker.service"};

        for (size_t i = 0; i < ELEMENTSOF(not_restartable); i++) {
                int r;

                if (!strv_contains(services, not_restartable[i]))
                        continue;
                r = strv_addf(reasons,
                              "%s uses files that were replaced and can't be restarted on a "
                              "running system",
                              not_restartable[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Those of the reasons that the mode takes for one. */
static int wanted_reasons(const struct reboot_question *question, struct strv *ret)
{
        CLEANUP(freep) char *owed = NULL;
        int r = strv_add_all(ret, (const char *const *)question->reasons->items,
                             question->reasons->n_items);

        if (r < 0 || question->mode != REBOOT_ALWAYS || !question->owed_by)
                return r;
        owed = reboot_owed_reason(question->owed_by);
        return owed ? strv_add(ret, owed) : -ENOMEM;
}

static int without(const struct strv *reasons, const struct strv *others, struct strv *ret)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < reasons->n_items; i++)
                if (!others || !strv_contains(others, reasons->items[i]))
                        r = strv_add(ret, reasons->items[i]);
        return r;
}

/* ---- the decision ---- */

void reboot_decision_done(struct reboot_decision *decision)
{
        free(decision->text);
        strv_done(&decision->reasons);
        *decision = (struct reboot_decision){0};
}

static int say(struct reboot_decision *decision, enum reboot_choice choice, char *text)
{
        decision->choice = choice;
        decision->text = text;
        return text ? 0 : -ENOMEM;
}

/* One for the same reason in a boot, and none for what the last one did not cure. */
static int drop_vain(const struct reboot_question *question, const struct strv *wanted,
                     struct reboot_decision *decision)
{
        CLEANUP(strv_done) struct strv untried = {0};
        int r = without(wanted, question->tried, &untried);

        if (r >= 0)
                r = without(&untried, question->unhelped, &decision->reasons);
        if (r < 0 || decision->reasons.n_items > 0)
                return r;
        if (untried.n_items > 0)
                return say(decision, REBOOT_HELD,
                           str_format("not performed: the last reboot did not help: %s",
                                      untried.items[0]));
        return say(decision, REBOOT_HELD,
                   strdup("not performed: it was asked for in this boot already and did not come"));
}

static int check_limits(const struct reboot_question *question, struct reboot_decision *decision)
{
        int64_t left = question->opening.closes_at - question->now;

        if (question->n_of_run >= REBOOTS_PER_RUN_MAX)
                return say(decision, REBOOT_HELD,
                           strdup("not performed: this run had its reboot already"));
        if (question->n_of_opening >= REBOOTS_PER_OPENING_MAX)
                return say(decision, REBOOT_HELD,
                           str_format("not performed: %zu reboots in one window are enough",
                                      question->n_of_opening));
        if (question->opening.closes_at == 0 || !window_is_open(&question->opening, question->now))
                return say(decision, REBOOT_POSTPONE,
                           strdup("postponed: the window is closed; 'patchctl reboot' does not "
                                  "wait for it"));
        if (left < question->reserve_seconds)
                return say(decision, REBOOT_POSTPONE,
                           str_format("postponed: a reboot takes up to %" PRId64
                                      " s, and the window closes in %" PRId64 " s",
                                      question->reserve_seconds, left));
        return say(decision, REBOOT_GO, strdup("awaited"));
}

static int decide(const struct reboot_question *question, struct reboot_decision *decision)
{
        CLEANUP(strv_done) struct strv wanted = {0};
        int r = wanted_reasons(question, &wanted);

        if (r < 0)
                return r;
        if (wanted.n_items == 0)
                return say(decision, REBOOT_NOTHING,
                           strdup(question->is_unknown
                                      ? "not performed: whether one is needed is not known"
                                      : "not needed"));
        if (question->mode == REBOOT_NEVER)
                return say(decision, REBOOT_HELD, strdup("not performed: the policy says never"));
        r = drop_vain(question, &wanted, decision);
        return r < 0 || decision->text ? r : check_limits(question, decision);
}

int reboot_decide(const struct reboot_question *question, struct reboot_decision *ret)
{
        CLEANUP(reboot_decision_done) struct reboot_decision decision = {0};
        int r = decide(question, &decision);

        if (r < 0)
                return r;
        *ret = decision;
        decision = (struct reboot_decision){0};
        return 0;
}
