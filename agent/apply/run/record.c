/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/run/record.h"

#include "apply/reboot/rebooting.h"
#include "apply/run/builds.h"
#include "apply/run/guard.h"
#include "base/str.h"
#include "host/log.h"

#include <string.h>

static int fill_package(const struct plan_item *item, struct outcome_package *package)
{
        if (!package)
                return -ENOMEM;
        package->name = strdup(item->name);
        package->arch = strdup(item->arch);
        package->version_from = item->version_from ? strdup(item->version_from) : NULL;
        package->version_to = strdup(item->version_to);
        package->advisories =
            item->advisories && item->advisories[0] ? strdup(item->advisories) : NULL;
        return package->name && package->arch && package->version_to ? 0 : -ENOMEM;
}

int record_begin(struct run *run, time_t now)
{
        const struct assignment *assignment = run->judgement->decisions->assignment;
        const struct node *node = &run->judgement->node;
        struct outcome *outcome = calloc(1, sizeof(*outcome));

        if (!outcome)
                return -ENOMEM;
        run->outcome = outcome;
        outcome->run_id = strdup(run->run_id);
        outcome->trigger = strdup(run->trigger);
        outcome->policy_id = strdup(run->policy->policy_id);
        outcome->policy_version = run->policy->version;
        outcome->baseline = assignment ? strdup(assignment->baseline->name) : NULL;
        outcome->boot_id = node->boot_id ? strdup(node->boot_id) : NULL;
        outcome->started_at = now;
        return outcome->run_id && outcome->trigger && outcome->policy_id ? 0 : -ENOMEM;
}

/* Lays the steps of the plan out in one row, in the outcome too. */
int record_plan(struct run *run)
{
        int r = 0;

        run->items = calloc(plan_n_items(run->plan) + 1, sizeof(*run->items));
        if (!run->items)
                return -ENOMEM;
        for (size_t i = 0; i < run->plan->n_steps; i++)
                for (size_t j = 0; r >= 0 && j < run->plan->steps[i].n_items; j++) {
                        run->items[run->n_items] = &run->plan->steps[i].items[j];
                        r = fill_package(run->items[run->n_items++],
                                         outcome_add_package(run->outcome));
                }
        return r;
}

int record_reply(const struct outcome *outcome, char **ret)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;
        int r;

        json_begin_object(writer, NULL);
        json_add_string(writer, "state", "finished");
        json_add_string(writer, "text", outcome->message);
        outcome_write(outcome, "outcome", writer);
        json_end(writer);
        r = json_writer_finish(writer, false, &text);
        if (r < 0)
                return r;
        *ret = varlink_reply_text(text, false);
        return *ret ? 0 : -ENOMEM;
}

int record_answer(struct run *run, const struct outcome *outcome)
{
        return record_reply(outcome, &run->answer);
}

void record_log(const struct run *run, enum event event)
{
        const struct outcome *outcome = run->outcome;
        const struct event_fields fields = {
            .run_id = run->run_id,
            .policy_id = outcome->policy_id,
            .policy_version = outcome->policy_version,
            .result = event == EVENT_RUN_STARTED
                          ? NULL
                          : enum_name(&run_result_names, (int)outcome->result),
            .reason = outcome->message,
        };

        log_event(event, &fields);
}

void record_log_package(const struct run *run, const struct outcome_package *package)
{
        static const enum event events[] = {
            [PACKAGE_UPDATED] = EVENT_PACKAGE_UPDATED, [PACKAGE_INSTALLED] = EVENT_PACKAGE_UPDATED,
            [PACKAGE_FAILED] = EVENT_PACKAGE_FAILED,   [PACKAGE_SKIPPED] = EVENT_PACKAGE_FAILED,
            [PACKAGE_REMOVED] = EVENT_PACKAGE_REMOVED,
        };
        const struct event_fields fields = {
            .run_id = run->run_id,
            .policy_id = run->outcome->policy_id,
            .policy_version = run->outcome->policy_version,
            .package = package->name,
            .version_from = package->version_from,
            .version_to = package->version_to,
            .result = enum_name(&package_result_names, (int)package->result),
            .advisories = package->advisories,
            .reason = package->message,
        };

        if (package->result != PACKAGE_ROLLED_BACK) /* that was told when it was done */
                log_event(events[package->result], &fields);
}

/* A run that does not start leaves nothing on disk. */
int record_refusal(struct run *run, const char *reason)
{
        run->outcome->result = RUN_REFUSED;
        run->outcome->finished_at = time(NULL);
        run->outcome->message = strdup(reason);
        if (!run->outcome->message)
                return -ENOMEM;
        record_log(run, EVENT_RUN_REFUSED);
        return record_answer(run, run->outcome);
}

int record_fail_all(struct run *run, const char *reason)
{
        for (size_t i = 0; i < run->outcome->n_packages; i++) {
                run->outcome->packages[i].result = PACKAGE_FAILED;
                run->outcome->packages[i].message = strdup(reason);
                if (!run->outcome->packages[i].message)
                        return -ENOMEM;
        }
        return 0;
}

int record_finish(struct run *run, struct diag *diag)
{
        bool is_reboot = run->operation && run->operation->action == OPERATION_REBOOT;
        struct outcome *outcome = run->outcome;
        size_t n_done = 0;
        int r;

        for (size_t i = 0; i < run->n_items; i++)
                n_done += outcome->packages[i].result == PACKAGE_UPDATED ||
                          outcome->packages[i].result == PACKAGE_INSTALLED;
        outcome->finished_at = time(NULL);
        outcome->result = outcome_judge(outcome);
        free(outcome->message);
        outcome->message = is_reboot ? strdup("the policy asks for a reboot")
                           : outcome->n_packages == 0
                               ? strdup("nothing to do")
                               : str_format("%zu of %zu packages are at their approved version",
                                            n_done, run->n_items);
        if (!outcome->message)
                return -ENOMEM;
        r = guard_finish(run);
        if (r >= 0)
                r = rebooting_write(run->service->paths, outcome, diag);
        if (r >= 0)
                r = rebooting_take_outcome(run);
        if (r < 0)
                return r;
        record_log(run, outcome->result == RUN_REFUSED ? EVENT_RUN_REFUSED : EVENT_RUN_FINISHED);
        return record_answer(run, outcome);
}

static char *describe_downloads(size_t n_packages, size_t n_failed,
                                const struct builds_result *builds)
{
        CLEANUP(str_done) struct str text = {0};
        char *result = NULL;

        str_appendf(&text, "%zu of %zu packages are downloaded", n_packages - n_failed, n_packages);
        if (builds->n_read + builds->n_failed + builds->n_left > 0)
                str_appendf(&text, "; %zu dates of building are read, %zu failed, %zu are left",
                            builds->n_read, builds->n_failed, builds->n_left);
        return str_take(&text, &result) < 0 ? NULL : result;
}

int record_downloads(struct run *run, const struct builds_result *builds, struct diag *diag)
{
        CLEANUP(freep) char *text = NULL;
        size_t n_failed = 0;
        int r;

        for (size_t i = 0; i < run->n_items; i++)
                n_failed += run->outcome->packages[i].result == PACKAGE_FAILED;
        run->outcome->finished_at = time(NULL);
        run->outcome->result = n_failed + builds->n_failed == 0 ? RUN_SUCCEEDED
                               : n_failed == run->n_items       ? RUN_FAILED
                                                                : RUN_PARTIAL;
        run->outcome->message = describe_downloads(run->n_items, n_failed, builds);
        if (!run->outcome->message)
                return -ENOMEM;
        r = outcome_to_text(run->outcome, &text);
        if (r >= 0)
                r = state_write_text(run->service->paths, APPLY_STATE_DOWNLOAD_FILE, text, diag);
        return r < 0 ? r : record_answer(run, run->outcome);
}

int record_last_download(const struct paths *paths, struct outcome **ret)
{
        CLEANUP(json_freep) struct json *json = NULL;
        CLEANUP(freep) char *text = NULL;
        int r = state_read_json(paths, APPLY_STATE_DOWNLOAD_FILE, &json);

        if (r < 0 || !json)
                return r;
        r = json_to_text(json, &text);
        if (r >= 0 && outcome_from_text(text, strlen(text), ret, NULL) == -ENOMEM)
                r = -ENOMEM;
        return r;
}
