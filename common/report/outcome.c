/* SPDX-License-Identifier: Apache-2.0 */
#include "report/outcome.h"

#include <string.h>

static const char *const run_result_texts[] = {
    [RUN_SUCCEEDED] = "succeeded", [RUN_PARTIAL] = "partial",         [RUN_FAILED] = "failed",
    [RUN_REFUSED] = "refused",     [RUN_INTERRUPTED] = "interrupted",
};
const struct enum_table run_result_names = ENUM_TABLE(run_result_texts);

static const char *const package_result_texts[] = {
    [PACKAGE_UPDATED] = "updated",         [PACKAGE_INSTALLED] = "installed",
    [PACKAGE_FAILED] = "failed",           [PACKAGE_SKIPPED] = "skipped",
    [PACKAGE_ROLLED_BACK] = "rolled_back",
};
const struct enum_table package_result_names = ENUM_TABLE(package_result_texts);

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

enum run_result outcome_judge(const struct outcome *outcome)
{
        size_t reached = 0;

        for (size_t i = 0; i < outcome->n_packages; i++)
                reached += outcome->packages[i].result == PACKAGE_UPDATED ||
                           outcome->packages[i].result == PACKAGE_INSTALLED;
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
        json_end(writer);
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
        json_add_bool(writer, "reboot_required", outcome->reboot_required);
        json_add_string(writer, "reboot", outcome->reboot);
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
};

static const struct text_field package_texts[] = {
    {"name", offsetof(struct outcome_package, name)},
    {"arch", offsetof(struct outcome_package, arch)},
    {"version_from", offsetof(struct outcome_package, version_from)},
    {"version_to", offsetof(struct outcome_package, version_to)},
    {"advisories", offsetof(struct outcome_package, advisories)},
    {"message", offsetof(struct outcome_package, message)},
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
        outcome->reboot_required = json_get_bool(json, "reboot_required", false);
        for (size_t i = 0; i < json_length(packages); i++) {
                r = read_package(json_at(packages, i), outcome);
                if (r < 0)
                        return r;
                if (!outcome->packages[i].name || !outcome->packages[i].version_to)
                        return diag_fail(diag, -EINVAL,
                                         "packages[%zu]: name or version_to is missing", i);
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
