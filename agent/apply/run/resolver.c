/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/run/resolver.h"

#include "base/str.h"
#include "host/log.h"

#include <string.h>

enum {
        ROUNDS_MAX = 5,   /* without what was kept back, more may be */
        REASONS_MAX = 20, /* asked for; each costs a call */
};

static const char no_reason[] = "it does not say why";

static const char *native_arch(const struct run *run)
{
        return run->judgement->inventory->arch;
}

/* ---- one question ---- */

static bool is_of(const struct backend_change *change, const struct plan_item *item)
{
        return change->version_to && strcmp(change->name, item->name) == 0 &&
               strcmp(change->version_to, item->version_to) == 0 &&
               (!change->arch || strcmp(change->arch, "all") == 0 ||
                strcmp(item->arch, "all") == 0 || strcmp(change->arch, item->arch) == 0);
}

static bool is_taken(const struct backend_changes *changes, const struct plan_item *item)
{
        for (size_t i = 0; i < changes->n_items; i++)
                if (changes->items[i].kind == CHANGE_INSTALL && is_of(&changes->items[i], item))
                        return true;
        return false;
}

/* What it would do beyond the plan is held against each step; then this answer means nothing. */
static bool is_within(const struct backend_changes *changes, const struct plan_step *step)
{
        for (size_t i = 0; i < changes->n_items; i++) {
                bool is_planned = changes->items[i].kind == CHANGE_CONFIGURE;

                for (size_t j = 0; !is_planned && j < step->n_items; j++)
                        is_planned = changes->items[i].kind == CHANGE_INSTALL &&
                                     is_of(&changes->items[i], &step->items[j]);
                if (!is_planned)
                        return false;
        }
        return true;
}

/* *ret_answered false: nothing can be told from what it says. */
static int simulate(struct run *run, const struct plan_step *step, struct backend_changes *changes,
                    bool *ret_answered, struct diag *diag)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        int r = installer_allow(&run->installer, step, native_arch(run), diag);

        *ret_answered = false;
        if (r == -EINVAL) /* a name that can't be allowed: its own step says so */
                return 0;
        if (r >= 0)
                r = installer_run(&run->installer, BACKEND_SIMULATE, &result, diag);
        if (r < 0 || !installer_succeeded(&result) || result.is_cut)
                return r;
        r = run->installer.backend->parse_simulation(result.output.data ?: "", changes);
        *ret_answered = r >= 0 && is_within(changes, step);
        return r;
}

static int ask_why(struct run *run, const struct plan_item *item, char **ret, struct diag *diag)
{
        const struct backend *backend = run->installer.backend;
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        CLEANUP(freep)
        char *wanted = backend->wanted_name(item->name, item->version_to, item->arch);
        CLEANUP(strv_done) struct strv words = {0};
        int r = wanted ? strv_add(&words, wanted) : -ENOMEM;

        if (r >= 0)
                r = installer_run_words(&run->installer, BACKEND_WHY, &words, &result, diag);
        if (r >= 0 && !result.is_cut)
                r = backend->parse_why(result.output.data ?: "", ret);
        return r;
}

/* ---- facts ---- */

static int add_fact(struct run *run, const struct plan_item *item, struct diag *diag)
{
        struct apply_facts *facts = &run->judgement->facts;
        CLEANUP(freep) char *why = NULL;
        struct package_note *notes;
        int r = 0;

        if (facts->n_kept_back < REASONS_MAX)
                r = ask_why(run, item, &why, diag);
        if (r < 0)
                return r;
        notes = reallocarray(facts->kept_back, facts->n_kept_back + 1, sizeof(*notes));
        if (!notes)
                return -ENOMEM;
        facts->kept_back = notes;
        notes = &notes[facts->n_kept_back++];
        *notes = (struct package_note){.name = strdup(item->name),
                                       .arch = strdup(item->arch),
                                       .version = strdup(item->version_to),
                                       .text = strdup(why ?: no_reason)};
        log_line(LOG_LEVEL_NOTICE, "the package manager keeps %s %s back: %s", item->name,
                 item->version_to, why ?: no_reason);
        return notes->name && notes->arch && notes->version && notes->text ? 0 : -ENOMEM;
}

/* Decides by the facts so far. */
static int decide(struct run *run)
{
        struct apply_facts *facts = &run->judgement->facts;

        facts->runs.kept_back = facts->kept_back;
        facts->runs.n_kept_back = facts->n_kept_back;
        return judgement_decide(run->judgement);
}

static int forget(struct run *run)
{
        struct apply_facts *facts = &run->judgement->facts;

        if (facts->n_kept_back == 0)
                return 0;
        apply_facts_forget_kept_back(facts);
        return decide(run);
}

static int save(const struct run *run, struct diag *diag)
{
        const struct judgement *judgement = run->judgement;
        const struct apply_facts *facts = &judgement->facts;

        if (facts->n_kept_back == 0)
                return state_remove_kept_back(run->service->paths, diag);
        return state_write_kept_back(run->service->paths, run->policy->digest, judgement->inventory,
                                     facts->kept_back, facts->n_kept_back, diag);
}

/* ---- rounds ---- */

/* All steps of the whole plan in one; the items borrow. */
static int flatten(const struct plan *plan, struct plan_step *ret)
{
        ret->items = calloc(plan_n_items(plan) + 1, sizeof(*ret->items));
        if (!ret->items)
                return -ENOMEM;
        for (size_t i = 0; i < plan->n_steps; i++)
                for (size_t j = 0; j < plan->steps[i].n_items; j++)
                        ret->items[ret->n_items++] = plan->steps[i].items[j];
        return 0;
}

static int ask_about(struct run *run, const struct plan_step *step, bool *ret_again,
                     struct diag *diag)
{
        CLEANUP(backend_changes_done) struct backend_changes changes = {0};
        bool answered = false;
        int r = simulate(run, step, &changes, &answered, diag);

        *ret_again = false;
        for (size_t i = 0; r >= 0 && answered && i < step->n_items; i++) {
                if (is_taken(&changes, &step->items[i]))
                        continue;
                *ret_again = true;
                r = add_fact(run, &step->items[i], diag);
        }
        return r < 0 || !*ret_again ? r : decide(run);
}

static int ask_round(struct run *run, bool *ret_again, struct diag *diag)
{
        static const struct plan_request everything = {.all = true};
        CLEANUP(plan_freep) struct plan *plan = NULL;
        struct plan_step step = {0};
        int r = plan_build(run->judgement->decisions, &everything, &plan);

        if (r >= 0)
                r = flatten(plan, &step);
        *ret_again = false;
        if (r >= 0 && step.n_items > 0)
                r = ask_about(run, &step, ret_again, diag);
        free(step.items);
        return r;
}

int resolver_ask(struct run *run, struct diag *diag)
{
        bool again = true;
        int r = forget(run);

        for (int round = 0; r >= 0 && again && round < ROUNDS_MAX; round++)
                r = ask_round(run, &again, diag);
        return r < 0 ? r : save(run, diag);
}
