/* SPDX-License-Identifier: Apache-2.0 */
#include "report/outcome.h"

#include "decide/reboot.h"

#include <string.h>

static const char *const run_result_texts[] = {
    [RUN_SUCCEEDED] = "succeeded", [RUN_PARTIAL] = "partial",         [RUN_FAILED] = "failed",
    [RUN_REFUSED] = "refused",     [RUN_INTERRUPTED] = "interrupted",
};
const struct enum_table run_result_names = ENUM_TABLE(run_result_texts);

static const char *const package_result_texts[] = {
    [PACKAGE_UPDATED] = "updated", [PACKAGE_INSTALLED] = "installed",
    [PACKAGE_FAILED] = "failed",   [PACKAGE_SKIPPED] = "skipped",
    [PACKAGE_REMOVED] = "removed", [PACKAGE_ROLLED_BACK] = "rolled_back",
};
const struct enum_table package_result_names = ENUM_TABLE(package_result_texts);

static const char *const reboot_phase_texts[] = {
    [REBOOT_PHASE_NONE] = "none",           [REBOOT_PHASE_AWAITED] = "awaited",
    [REBOOT_PHASE_REQUESTED] = "requested", [REBOOT_PHASE_POSTPONED] = "postponed",
    [REBOOT_PHASE_FINISHED] = "finished",   [REBOOT_PHASE_FAILED] = "failed",
};
const struct enum_table reboot_phase_names = ENUM_TABLE(reboot_phase_texts);

void outcome_free(struct outcome *outcome)
{
        if (!outcome)
                return;
        for (size_t i = 0; i < outcome->n_packages; i++) {
                free(outcome->packages[i].name);
                free(outcome->packages[i].arch);
                free(outcome->packages[i].version_from);
                free(outcome->packages[i].version_to);
                free(outcome->packages[i].advisories);
                free(outcome->packages[i].message);
                free(outcome->packages[i].kept);
        }
        script_results_done(&outcome->scripts);
        free(outcome->packages);
        free(outcome->run_id);
        free(outcome->trigger);
        free(outcome->policy_id);
        free(outcome->baseline);
        free(outcome->boot_id);
        free(outcome->message);
        free(outcome->reboot);
        free(outcome->reboot_owed_by);
        free(outcome->kernel);
        strv_done(&outcome->services_to_restart);
        free(outcome->services_note);
        free(outcome);
}

struct outcome_package *outcome_add_package(struct outcome *outcome)
{
        struct outcome_package *packages =
            reallocarray(outcome->packages, outcome->n_packages + 1, sizeof(*outcome->packages));

        if (!packages)
                return NULL;
        outcome->packages = packages;
        packages[outcome->n_packages] = (struct outcome_package){.result = PACKAGE_SKIPPED};
        return &packages[outcome->n_packages++];
}

int outcome_reboot_reasons(const struct outcome *outcome, struct strv *reasons)
{
        CLEANUP(freep) char *owed = NULL;
        int r = reboot_service_reasons(&outcome->services_to_restart, reasons);

        if (r < 0 || !outcome->reboot_owed_by)
                return r;
        owed = reboot_owed_reason(outcome->reboot_owed_by);
        return owed ? strv_add(reasons, owed) : -ENOMEM;
}

static bool is_reached(enum package_result result)
{
        return result == PACKAGE_UPDATED || result == PACKAGE_INSTALLED ||
               result == PACKAGE_REMOVED;
}

int outcome_compare(const struct outcome *a, const struct outcome *b)
{
        if (a->started_at != b->started_at)
                return a->started_at < b->started_at ? -1 : 1;
        return strcmp(a->run_id, b->run_id);
}

bool outcome_has_changed(const struct outcome *outcome)
{
        for (size_t i = 0; i < outcome->n_packages; i++)
                if (is_reached(outcome->packages[i].result) ||
                    outcome->packages[i].result == PACKAGE_ROLLED_BACK)
                        return true;
        return outcome->reboot_phase != REBOOT_PHASE_NONE;
}

enum run_result outcome_judge(const struct outcome *outcome)
{
        size_t reached = 0;

        for (size_t i = 0; i < outcome->n_packages; i++)
                reached += is_reached(outcome->packages[i].result);
        if (reached == outcome->n_packages)
                return RUN_SUCCEEDED;
        return reached > 0 ? RUN_PARTIAL : RUN_FAILED;
}

static void write_package(const struct outcome_package *package, struct json_writer *writer)
{
        json_begin_object(writer, NULL);
        json_add_string(writer, "name", package->name);
        json_add_string(writer, "arch", package->arch);
        json_add_string(writer, "version_from", package->version_from);
        json_add_string(writer, "version_to", package->version_to);
        json_add_string(writer, "advisories", package->advisories);
        json_add_string(writer, "result", enum_name(&package_result_names, (int)package->result));
        json_add_string(writer, "message", package->message);
        json_add_string(writer, "kept", package->kept);
        json_end(writer);
}

static void write_reboot(const struct outcome *outcome, struct json_writer *writer)
{
        json_add_bool(writer, "reboot_required", outcome->reboot_required);
        json_add_string(writer, "reboot", outcome->reboot);
        json_add_string(writer, "reboot_phase",
                        enum_name(&reboot_phase_names, (int)outcome->reboot_phase));
        json_add_string(writer, "reboot_owed_by", outcome->reboot_owed_by);
        json_add_time(writer, "reboot_requested_at", outcome->reboot_requested_at);
        json_add_time(writer, "rebooted_at", outcome->rebooted_at);
        json_add_string(writer, "kernel", outcome->kernel);
        if (outcome->knows_services)
                json_add_strings(writer, "services_to_restart", &outcome->services_to_restart);
        else
                json_add_null(writer, "services_to_restart");
        json_add_string(writer, "services_note", outcome->services_note);
}

void outcome_write(const struct outcome *outcome, const char *name, struct json_writer *writer)
{
        json_begin_object(writer, name);
        json_add_string(writer, "run_id", outcome->run_id);
        json_add_string(writer, "trigger", outcome->trigger);
        json_add_string(writer, "policy_id", outcome->policy_id);
        json_add_int(writer, "policy_version", outcome->policy_version);
        json_add_string(writer, "baseline", outcome->baseline);
        json_add_string(writer, "boot_id", outcome->boot_id);
        json_add_time(writer, "started_at", outcome->started_at);
        json_add_time(writer, "finished_at", outcome->finished_at);
        json_add_string(writer, "result", enum_name(&run_result_names, (int)outcome->result));
        json_add_string(writer, "message", outcome->message);
        write_reboot(outcome, writer);
        json_begin_array(writer, "packages");
        for (size_t i = 0; i < outcome->n_packages; i++)
                write_package(&outcome->packages[i], writer);
        json_end(writer);
        script_results_write(&outcome->scripts, writer);
        json_end(writer);
}

int outcome_to_text(const struct outcome *outcome, char **ret)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();

        outcome_write(outcome, NULL, writer);
        return json_writer_finish(writer, false, ret);
}

/* ---- reading ---- */

struct text_field {
        const char *name;
        size_t offset;
};

static const struct text_field outcome_texts[] = {
    {"run_id", offsetof(struct outcome, run_id)},
    {"trigger", offsetof(struct outcome, trigger)},
    {"policy_id", offsetof(struct outcome, policy_id)},
    {"baseline", offsetof(struct outcome, baseline)},
    {"boot_id", offsetof(struct outcome, boot_id)},
    {"message", offsetof(struct outcome, message)},
    {"reboot", offsetof(struct outcome, reboot)},
    {"reboot_owed_by", offsetof(struct outcome, reboot_owed_by)},
    {"kernel", offsetof(struct outcome, kernel)},
    {"services_note", offsetof(struct outcome, services_note)},
};

static const struct text_field package_texts[] = {
    {"name", offsetof(struct outcome_package, name)},
    {"arch", offsetof(struct outcome_package, arch)},
    {"version_from", offsetof(struct outcome_package, version_from)},
    {"version_to", offsetof(struct outcome_package, version_to)},
    {"advisories", offsetof(struct outcome_package, advisories)},
    {"message", offsetof(struct outcome_package, message)},
    {"kept", offsetof(struct outcome_package, kept)},
};

static int read_texts(const struct json *json, const struct text_field *fields, size_t n_fields,
                      void *target)
{
        for (size_t i = 0; i < n_fields; i++) {
                const char *text = json_get_string(json, fields[i].name);
                char *copy = text ? strdup(text) : NULL;

                if (text && !copy)
                        return -ENOMEM;
                *(char **)((char *)target + fields[i].offset) = copy;
        }
        return 0;
}

static int read_package(const struct json *json, struct outcome *outcome)
{
        struct outcome_package *package = outcome_add_package(outcome);
        const char *result = json_get_string(json, "result");
        int value = result ? enum_from_name(&package_result_names, result) : -EINVAL;

        if (!package)
                return -ENOMEM;
        package->result = value < 0 ? PACKAGE_FAILED : (enum package_result)value;
        return read_texts(json, package_texts, ELEMENTSOF(package_texts), package);
}

static int read_reboot(const struct json *json, struct outcome *outcome)
{
        const struct json *services = json_get(json, "services_to_restart");
        const char *phase = json_get_string(json, "reboot_phase");
        int value = phase ? enum_from_name(&reboot_phase_names, phase) : REBOOT_PHASE_NONE;
        int r = 0;

        outcome->reboot_required = json_get_bool(json, "reboot_required", false);
        outcome->reboot_phase = value < 0 ? REBOOT_PHASE_NONE : (enum reboot_phase)value;
        outcome->reboot_requested_at = json_get_time(json, "reboot_requested_at");
        outcome->rebooted_at = json_get_time(json, "rebooted_at");
        outcome->knows_services = services != NULL;
        for (size_t i = 0; r >= 0 && i < json_length(services); i++)
                r = strv_add(&outcome->services_to_restart,
                             json_string(json_at(services, i)) ?: "");
        return r;
}

static int read_outcome(const struct json *json, struct outcome *outcome, struct diag *diag)
{
        const struct json *packages = json_get(json, "packages");
        const char *result = json_get_string(json, "result");
        int value = result ? enum_from_name(&run_result_names, result) : -EINVAL;
        int r = read_texts(json, outcome_texts, ELEMENTSOF(outcome_texts), outcome);

        if (r < 0)
                return r;
        if (!outcome->run_id || value < 0)
                return diag_fail(diag, -EINVAL, "not an outcome: run_id or result is missing");
        outcome->result = (enum run_result)value;
        outcome->policy_version = json_get_int(json, "policy_version", 0);
        outcome->started_at = json_get_time(json, "started_at");
        outcome->finished_at = json_get_time(json, "finished_at");
        r = read_reboot(json, outcome);
        if (r < 0)
                return r;
        for (size_t i = 0; i < json_length(packages); i++) {
                r = read_package(json_at(packages, i), outcome);
                if (r < 0)
                        return r;
                if (!outcome->packages[i].name ||
                    (!outcome->packages[i].version_to && !outcome->packages[i].version_from))
                        return diag_fail(diag, -EINVAL,
                                         "packages[%zu]: name or versions are missing", i);
        }
        return script_results_read(json, &outcome->scripts);
}

int outcome_from_text(const char *text, size_t size, struct outcome **ret, struct diag *diag)
{
        CLEANUP(outcome_freep) struct outcome *outcome = calloc(1, sizeof(*outcome));
        CLEANUP(json_freep) struct json *json = NULL;
        int r;

        if (!outcome)
                return -ENOMEM;
        r = json_parse(text, size, &json, diag);
        if (r < 0)
                return r;
        r = read_outcome(json, outcome, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(outcome);
        return 0;
}
