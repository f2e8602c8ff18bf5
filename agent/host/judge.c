/* SPDX-License-Identifier: Apache-2.0 */
#include "host/judge.h"

#include "host/build_dates.h"
#include "host/collect.h"
#include "report/report.h"

#include <string.h>

void judgement_free(struct judgement *judgement)
{
        if (!judgement)
                return;
        decisions_free(judgement->decisions);
        apply_facts_done(&judgement->facts);
        operation_records_done(&judgement->operations);
        reboot_state_done(&judgement->reboot);
        strv_done(&judgement->limits.exclude);
        strv_done(&judgement->problems);
        ledger_free(judgement->ledger);
        inventory_free(judgement->inventory);
        node_done(&judgement->node);
        free(judgement);
}

/* ---- collectors ---- */

typedef int (*collector_fn)(const struct judge_options *options, struct judgement *judgement,
                            struct diag *diag);

static int collect_ledger(const struct judge_options *options, struct judgement *judgement,
                          struct diag *diag)
{
        CLEANUP(freep) char *damaged = NULL;
        int r;

        if (!options->use_apply_state)
                return 0;
        r = apply_state_ledger(options->paths, &judgement->ledger, &damaged, diag);
        if (r < 0)
                return r;
        return damaged ? strv_add(&judgement->problems, damaged) : 0;
}

static int collect_stamps(const struct judge_options *options, struct judgement *judgement,
                          struct diag *diag)
{
        if (!options->use_apply_state)
                return 0;
        return apply_state_overlay_stamps(options->paths, judgement->inventory, diag);
}

static int collect_build_dates(const struct judge_options *options, struct judgement *judgement,
                               struct diag *diag)
{
        if (!options->use_apply_state)
                return 0;
        return build_dates_overlay(options->paths, judgement->inventory, diag);
}

static int collect_limits(const struct judge_options *options, struct judgement *judgement,
                          struct diag *diag)
{
        struct local_limits *limits = &judgement->limits;
        const struct config *config = options->config;
        int r;

        if (!config)
                return 0;
        limits->max_index_age_hours = config->max_index_age_hours;
        limits->force_scan = config->force_scan;
        limits->exclude_file = config->exclude_file;
        r = strv_add_all(&limits->exclude, (const char *const *)config->exclude.items,
                         config->exclude.n_items);
        if (r < 0 || !options->use_apply_state)
                return r;
        return apply_state_pause(options->paths, options->now, &limits->is_paused,
                                 &limits->paused_until, diag);
}

static int collect_facts(const struct judge_options *options, struct judgement *judgement,
                         struct diag *diag)
{
        const struct assignment *assignment = assignment_for(options->policy, &judgement->node);
        int r;

        if (!options->use_apply_state)
                return 0;
        r = apply_state_facts(options->paths, judgement->node.boot_id,
                              assignment ? assignment->baseline->name : "", &judgement->facts,
                              diag);
        if (r < 0)
                return r;
        judgement->limits.vetoes = judgement->facts.vetoes;
        judgement->limits.n_vetoes = judgement->facts.n_vetoes;
        return apply_state_kept_back(options->paths, options->policy->digest, judgement->inventory,
                                     &judgement->facts, diag);
}

static int collect_operations(const struct judge_options *options, struct judgement *judgement,
                              struct diag *diag)
{
        int r;

        if (!options->use_apply_state)
                return 0;
        r = operation_file_read(options->paths, &judgement->operations, diag);
        judgement->has_operations = r >= 0;
        return r;
}

static bool last_run_is_of_this_boot(const struct judgement *judgement)
{
        const struct outcome *run = judgement->facts.last_run;
        const char *boot_id = judgement->node.boot_id;

        return run && run->boot_id && boot_id && strcmp(run->boot_id, boot_id) == 0;
}

/* The last run of this boot knows more than can be seen from here. */
static int collect_reboot(const struct judge_options *options, struct judgement *judgement,
                          struct diag *diag)
{
        struct reboot_state *state = &judgement->reboot;
        CLEANUP(strv_done) struct strv more = {0};
        int r =
            host_reboot_state(options->root, &judgement->node, judgement->inventory, state, diag);

        if (r >= 0 && last_run_is_of_this_boot(judgement))
                r = outcome_reboot_reasons(judgement->facts.last_run, &more);
        if (r < 0 || more.n_items == 0)
                return r;
        if (state->required != REBOOT_REQUIRED_YES)
                strv_done(&state->reasons); /* they say why it is not known */
        state->required = REBOOT_REQUIRED_YES;
        return strv_add_all(&state->reasons, (const char *const *)more.items, more.n_items);
}

/* What started since the boot uses no file that was replaced before it. */
static const struct strv *services_to_restart(const struct judgement *judgement)
{
        static const struct strv none;
        const struct outcome *run = judgement->facts.last_run;

        if (!run)
                return NULL;
        if (!last_run_is_of_this_boot(judgement))
                return judgement->node.boot_id ? &none : NULL;
        return run->knows_services ? &run->services_to_restart : NULL;
}

/* What fails here makes the result unknown; the others still speak. */
static const collector_fn collectors[] = {collect_ledger, collect_stamps, collect_build_dates,
                                          collect_limits, collect_facts,  collect_operations,
                                          collect_reboot};

static int run_collectors(const struct judge_options *options, struct judgement *judgement)
{
        for (size_t i = 0; i < ELEMENTSOF(collectors); i++) {
                struct diag diag = {0};
                int r = collectors[i](options, judgement, &diag);

                if (r < 0 && r != -ENOMEM)
                        r = strv_add(&judgement->problems, diag_text(&diag, r));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int collect(const struct judge_options *options, struct judgement *judgement,
                   struct diag *diag)
{
        struct collect_options collect_options = {.root = options->root, .wanted = options->wanted};
        int r = collect_inventory(&collect_options, &judgement->inventory, diag);

        if (r < 0)
                return r;
        r = host_node(options->root, options->config, options->extra_tags,
                      judgement->inventory->arch, &judgement->node, diag);
        if (r >= 0 && options->problems)
                r = strv_add_all(&judgement->problems,
                                 (const char *const *)options->problems->items,
                                 options->problems->n_items);
        if (r < 0)
                return r;
        return run_collectors(options, judgement);
}

int judgement_decide(struct judgement *judgement)
{
        struct decisions *decisions = NULL;
        int r = evaluate(&judgement->input, &decisions);

        if (r < 0)
                return r;
        decisions_free(judgement->decisions);
        judgement->decisions = decisions;
        return 0;
}

int judge_host(const struct judge_options *options, struct judgement **ret, struct diag *diag)
{
        CLEANUP(judgement_freep) struct judgement *judgement = calloc(1, sizeof(*judgement));
        int r;

        if (!judgement)
                return -ENOMEM;
        r = collect(options, judgement, diag);
        if (r < 0)
                return r;
        judgement->input = (struct evaluate_input){
            .policy = options->policy,
            .node = &judgement->node,
            .inventory = judgement->inventory,
            .ledger = judgement->ledger,
            .advisories = options->advisories,
            .limits = &judgement->limits,
            .runs = &judgement->facts.runs,
            .reboot_required = judgement->reboot.required == REBOOT_REQUIRED_YES,
            .problems = &judgement->problems,
            .now = options->now,
            .is_what_if = options->is_what_if,
        };
        r = judgement_decide(judgement);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(judgement);
        return 0;
}

int judgement_report(const struct judgement *judgement,
                     const struct judgement_report_options *options, char **ret)
{
        struct report_input input = {
            .evaluated = &judgement->input,
            .decisions = judgement->decisions,
            .agent_version = PATCHD_VERSION,
            .reboot_required = (int)judgement->reboot.required,
            .reboot_reasons = &judgement->reboot.reasons,
            .services_to_restart = services_to_restart(judgement),
            .last_run = options->last_run ?: judgement->facts.last_run,
            .operations = judgement->has_operations ? &judgement->operations : NULL,
            .sequence = options->sequence,
            .only_package = options->only_package,
            .only_arch = options->only_arch,
            .all_packages = options->all_packages,
            .chain = options->chain,
        };

        return report_build(&input, options->pretty, ret);
}
