/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/run/operation.h"

#include "apply/reboot/reboot_need.h"
#include "apply/run/record.h"
#include "base/str.h"
#include "host/operation_file.h"

#include <string.h>

char *operation_trigger(const char *id)
{
        return str_format("operation:%s", id);
}

/* ---- asked again ---- */

/* What the record alone still knows: the run's outcome was tidied away or never written. */
static int answer_from_record(struct run *run, const struct operation_record *record)
{
        CLEANUP(outcome_freep) struct outcome *outcome = calloc(1, sizeof(*outcome));

        if (!outcome)
                return -ENOMEM;
        outcome->run_id = strdup(record->run_id ?: run->run_id);
        outcome->trigger = strdup(run->trigger);
        outcome->started_at = record->began_at;
        outcome->finished_at = record->finished_at;
        outcome->result = record->result;
        outcome->message = strdup(
            record->message ?: "it was begun, did not come to its end, and is not begun again");
        if (!outcome->run_id || !outcome->trigger || !outcome->message)
                return -ENOMEM;
        return record_answer(run, outcome);
}

int operation_attach(struct run *run, struct diag *diag)
{
        CLEANUP(operation_records_done) struct operation_records records = {0};
        CLEANUP(outcome_freep) struct outcome *outcome = NULL;
        const struct operation_record *record;
        int r = operation_file_read(run->service->paths, &records, diag);

        if (r < 0)
                return r;
        record = operation_records_find(&records, run->request->operation);
        if (!record)
                return 0;
        r = record->run_id
                ? apply_state_outcome(run->service->paths, record->run_id, &outcome, NULL)
                : -ENOENT;
        if (r == -ENOMEM)
                return r;
        return r < 0 ? answer_from_record(run, record) : record_answer(run, outcome);
}

/* ---- what the policy says ---- */

static const struct operation *find(const struct run *run)
{
        const struct policy *policy = run->policy;

        for (size_t i = 0; i < policy->n_operations; i++)
                if (strcmp(policy->operations[i].id, run->request->operation) == 0)
                        return &policy->operations[i];
        return NULL;
}

int operation_admit(struct run *run, time_t now)
{
        const struct operation *operation = find(run);
        char expired_at[TIME_TEXT_SIZE];
        CLEANUP(freep) char *reason = NULL;

        if (!operation)
                reason = str_format("the policy has no operation '%s'", run->request->operation);
        else if (!match_covers(&operation->match, &run->judgement->node))
                reason = str_format("operation '%s' is not for this node", operation->id);
        else if (operation->expires <= now)
                reason = str_format("operation '%s' expired at %s", operation->id,
                                    time_to_rfc3339(operation->expires, expired_at));
        else {
                run->operation = operation;
                run->ignores_window = operation->ignore_window;
                return 0;
        }
        return reason ? record_refusal(run, reason) : -ENOMEM;
}

int operation_narrow(const struct run *run, struct plan_request *request,
                     struct package_note **ret_notes)
{
        const struct operation *operation = run->operation;
        const struct decisions *decisions = run->judgement->decisions;
        struct package_note *notes;
        size_t n = 0;

        if (!operation || operation->packages.n_items == 0)
                return 0;
        notes = calloc(decisions->n_items + 1, sizeof(*notes));
        if (!notes)
                return -ENOMEM;
        for (size_t i = 0; i < decisions->n_items; i++) {
                const struct package *package = decisions->items[i].package;

                if (strv_matches(&operation->packages, package->name))
                        notes[n++] = (struct package_note){.name = (char *)package->name,
                                                           .arch = (char *)package->arch};
        }
        *request = (struct plan_request){.packages = notes, .n_packages = n};
        *ret_notes = notes;
        return 0;
}

/* ---- the record ---- */

int operation_begin(const struct run *run, struct diag *diag)
{
        const struct operation_record record = {
            .id = run->request->operation,
            .run_id = (char *)run->run_id,
            .began_at = time(NULL),
            .result = RUN_INTERRUPTED,
        };

        return run->operation ? operation_file_append(run->service->paths, &record, diag) : 0;
}

int operation_end(const struct run *run, struct diag *diag)
{
        const struct operation_record record = {
            .id = run->request->operation,
            .run_id = (char *)run->run_id,
            .began_at = run->outcome->started_at,
            .finished_at = run->outcome->finished_at,
            .result = run->outcome->result,
            .message = run->outcome->message,
        };

        return run->operation ? operation_file_append(run->service->paths, &record, diag) : 0;
}

/* No outcome is kept but in the record: what the last run tried and failed still stands. */
static int finish(struct run *run, enum run_result result, const char *message, struct diag *diag)
{
        struct outcome *outcome = run->outcome;
        int r;

        outcome->finished_at = time(NULL);
        outcome->result = result;
        outcome->message = strdup(message);
        r = outcome->message ? operation_begin(run, diag) : -ENOMEM;
        if (r >= 0)
                r = operation_end(run, diag);
        return r < 0 ? r : record_answer(run, outcome);
}

int operation_do_scan(struct run *run, struct diag *diag)
{
        return finish(run, RUN_SUCCEEDED, "the node is scanned and reported at once", diag);
}

/* One that has to wait for another window leaves its id as it was. */
int operation_do_reboot(struct run *run, struct diag *diag)
{
        struct outcome *outcome = run->outcome;
        int r = reboot_need_operation(run);

        if (r < 0)
                return r;
        if (outcome->reboot_phase == REBOOT_PHASE_POSTPONED)
                return record_refusal(run, outcome->reboot);
        if (outcome->reboot_phase != REBOOT_PHASE_AWAITED)
                return finish(run, RUN_REFUSED, outcome->reboot, diag);
        record_log(run, EVENT_RUN_STARTED);
        r = operation_begin(run, diag);
        if (r >= 0)
                r = record_finish(run, diag);
        return r < 0 ? r : operation_end(run, diag);
}
