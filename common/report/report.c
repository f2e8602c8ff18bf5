/* SPDX-License-Identifier: Apache-2.0 */
#include "report/report.h"

#include "base/json.h"
#include "report/chain.h"

#include <string.h>

/* Of enum reboot_required (host/host.h). */
static const char *const reboot_words[] = {"unknown", "no", "yes"};

static void write_node(const struct node *node, struct json_writer *writer)
{
        json_begin_object(writer, "node");
        json_add_string(writer, "id", node->id);
        json_add_string(writer, "hostname", node->hostname);
        json_begin_object(writer, "os");
        json_add_string(writer, "id", node->os_id);
        json_add_string(writer, "version", node->os_version);
        json_end(writer);
        json_add_string(writer, "kernel", node->kernel);
        json_add_string(writer, "arch", node->arch);
        json_begin_object(writer, "tags");
        for (size_t i = 0; i < node->n_tags; i++)
                json_add_string(writer, node->tags[i].key, node->tags[i].value);
        json_end(writer);
        json_add_string(writer, "boot_id", node->boot_id);
        json_add_string(writer, "clock", node->clock);
        json_end(writer);
}

static void write_policy(const struct policy *policy, const struct assignment *assignment,
                         struct json_writer *writer)
{
        json_begin_object(writer, "policy");
        json_add_string(writer, "policy_id", policy->policy_id);
        json_add_int(writer, "version", policy->version);
        json_add_string(writer, "digest", policy->digest);
        json_add_string(writer, "assignment", assignment ? assignment->name : NULL);
        json_add_string(writer, "baseline", assignment ? assignment->baseline->name : NULL);
        json_add_string(writer, "mode",
                        assignment ? enum_name(&mode_names, (int)assignment->mode) : NULL);
        json_add_time(writer, "expires", policy->expires);
        json_end(writer);
}

static void write_compliance(const struct decisions *decisions, struct json_writer *writer)
{
        json_begin_object(writer, "compliance");
        json_add_string(writer, "status", enum_name(&compliance_names, (int)decisions->compliance));
        json_add_bool(writer, "overdue", decisions->is_overdue);
        json_begin_object(writer, "counts");
        for (int state = 0; state < N_STATES; state++)
                json_add_int(writer, enum_name(&state_names, state),
                             (int64_t)decisions->counts[state]);
        json_end(writer);
        json_add_strings(writer, "unknown_reasons", &decisions->unknown_reasons);
        json_add_strings(writer, "apply_refusals", &decisions->apply_refusals);
        json_end(writer);
}

/* ---- packages ---- */

/* What the shown version carries; nothing on offer carries nothing. */
static void write_shown(const struct verdict *shown, struct json_writer *writer)
{
        static const struct strv none;
        bool dated = shown && shown->evidence.released_at != 0;

        json_add_string(writer, "classification",
                        shown ? enum_name(&classification_names, (int)shown->classification)
                              : NULL);
        json_add_string(writer, "severity",
                        shown ? enum_name(&severity_names, (int)shown->severity) : NULL);
        json_add_strings(writer, "advisories", shown ? &shown->advisories : &none);
        json_add_strings(writer, "cves", shown ? &shown->cves : &none);
        json_add_time(writer, "released_at", dated ? shown->evidence.released_at : 0);
        json_add_string(writer, "date_source",
                        dated ? enum_name(&date_source_names, (int)shown->evidence.source) : NULL);
        json_add_string(writer, "rule", shown && shown->rule ? shown->rule->name : NULL);
        json_add_time(writer, "approve_at", shown ? shown->approve_at : 0);
}

static int write_package(const struct report_input *input, const struct decision *decision,
                         struct json_writer *writer)
{
        const struct package *package = decision->package;
        int r = 0;

        json_begin_object(writer, NULL);
        json_add_string(writer, "name", package->name);
        json_add_string(writer, "arch", package->arch);
        json_add_string(writer, "installed", package->version);
        json_add_string(writer, "candidate",
                        package->candidate ? package->candidate->version : NULL);
        json_add_string(writer, "target", decision->target ? decision->target->version : NULL);
        json_add_string(writer, "state", enum_name(&state_names, (int)decision->state));
        write_shown(decision->shown, writer);
        json_add_string(writer, "reason", decision->reason);
        json_add_bool(writer, "overdue", decision->is_overdue);
        if (decision->needed_by)
                json_add_string(writer, "needed_by", decision->needed_by->name);
        if (input->chain)
                r = chain_write(input, decision, writer);
        json_end(writer);
        return r;
}

static bool is_asked_for(const struct report_input *input, const struct package *package)
{
        return strcmp(package->name, input->only_package) == 0 &&
               (!input->only_arch || strcmp(package->arch, input->only_arch) == 0);
}

static bool is_worth_saying(const struct report_input *input, const struct decision *decision)
{
        if (input->only_package)
                return is_asked_for(input, decision->package);
        if (!decision->package->version && !decision->needed_by)
                return false;
        return input->all_packages || decision->state <= STATE_INSTALLED_REJECTED;
}

static int write_packages(const struct report_input *input, struct json_writer *writer)
{
        int r = 0;

        json_begin_array(writer, "packages");
        for (size_t i = 0; r >= 0 && i < input->decisions->n_items; i++)
                if (is_worth_saying(input, &input->decisions->items[i]))
                        r = write_package(input, &input->decisions->items[i], writer);
        json_end(writer);
        return r;
}

/* ---- the rest ---- */

static void write_reboot(const struct report_input *input, struct json_writer *writer)
{
        static const struct strv none;

        json_begin_object(writer, "reboot");
        json_add_string(writer, "required", reboot_words[input->reboot_required]);
        json_add_strings(writer, "reasons", input->reboot_reasons ?: &none);
        json_end(writer);
}

static void write_window(const struct window *window, time_t now, struct json_writer *writer)
{
        struct opening opening = {0};

        if (!window) {
                json_add_null(writer, "window");
                return;
        }
        json_begin_object(writer, "window");
        json_add_string(writer, "name", window->name);
        if (!window_next(window, now, &opening))
                opening = (struct opening){0};
        json_add_bool(writer, "open", opening.opens_at != 0 && window_is_open(&opening, now));
        json_add_time(writer, "opens_at", opening.opens_at);
        json_add_time(writer, "closes_at", opening.closes_at);
        json_end(writer);
}

static void write_index_age(const struct evaluate_input *input, struct json_writer *writer)
{
        time_t refreshed_at = inventory_refreshed_at(input->inventory);

        if (refreshed_at == 0)
                json_add_null(writer, "index_age_seconds");
        else
                json_add_int(writer, "index_age_seconds",
                             input->now > refreshed_at ? input->now - refreshed_at : 0);
}

static void write_agent(const struct report_input *input, struct json_writer *writer)
{
        json_begin_object(writer, "agent");
        json_add_string(writer, "name", "patchd");
        json_add_string(writer, "version", input->agent_version);
        json_end(writer);
}

static int write_findings(const struct report_input *input, struct json_writer *writer)
{
        const struct evaluate_input *evaluated = input->evaluated;
        const struct assignment *assignment = input->decisions->assignment;
        int r;

        write_compliance(input->decisions, writer);
        r = write_packages(input, writer);
        write_reboot(input, writer);
        if (input->services_to_restart)
                json_add_strings(writer, "services_to_restart", input->services_to_restart);
        else
                json_add_null(writer, "services_to_restart");
        json_add_strings(writer, "other_updaters", &evaluated->inventory->other_updaters);
        json_add_strings(writer, "broken_packages", &evaluated->inventory->broken);
        write_window(assignment ? assignment->window : NULL, evaluated->now, writer);
        if (input->last_run)
                outcome_write(input->last_run, "last_run", writer);
        else
                json_add_null(writer, "last_run");
        if (input->operations)
                operation_records_write(input->operations, evaluated->policy, evaluated->node,
                                        evaluated->now, "operations", writer);
        return r;
}

int report_build(const struct report_input *input, bool pretty, char **ret)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        const struct evaluate_input *evaluated = input->evaluated;
        int r;

        json_begin_object(writer, NULL);
        json_add_string(writer, "type", "patchd.report.v1");
        if (input->sequence > 0)
                json_add_int(writer, "sequence", input->sequence);
        write_node(evaluated->node, writer);
        write_agent(input, writer);
        write_policy(evaluated->policy, input->decisions->assignment, writer);
        json_add_time(writer, "evaluated_at", evaluated->now);
        if (evaluated->is_what_if)
                json_add_bool(writer, "what_if", true);
        write_index_age(evaluated, writer);
        r = write_findings(input, writer);
        json_end(writer);
        return r < 0 ? r : json_writer_finish(writer, pretty, ret);
}
