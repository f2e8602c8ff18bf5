/* SPDX-License-Identifier: Apache-2.0 */
#include "report/chain.h"

#include "decide/approval.h"
#include "decide/carried.h"
#include "decide/explain.h"

#include <string.h>

struct chain {
        const struct report_input *input;
        const struct decision *decision;
        const struct baseline *baseline; /* NULL: the node is unassigned */
        struct json_writer *writer;
};

/* ---- where a version stands ---- */

static void write_indexes(const struct available *available, struct json_writer *writer)
{
        json_begin_array(writer, "indexes");
        for (size_t i = 0; i < available->n_indexes; i++) {
                const struct package_index *index = available->indexes[i];

                json_begin_object(writer, NULL);
                json_add_string(writer, "repository", index->repository);
                json_add_string(writer, "suite", index->suite);
                json_add_string(writer, "component", index->component);
                json_add_string(writer, "origin", index->origin);
                json_add_string(writer, "label", index->label);
                json_add_time(writer, "date", index->date);
                json_add_string(writer, "path", index->path);
                json_add_bool(writer, "security", index->is_security);
                json_end(writer);
        }
        json_end(writer);
}

/* ---- what it carries ---- */

struct record_context {
        const struct advisories *advisories;
        const char *version; /* as advisories name it */
        struct json_writer *writer;
};

static int write_record(const struct advisory *advisory, const struct advisory_fix *fix, void *arg)
{
        const struct record_context *context = arg;
        struct json_writer *writer = context->writer;

        json_begin_object(writer, NULL);
        json_add_string(writer, "id", advisory->id);
        json_add_string(writer, "kind", advisory->is_cve ? "cve" : "advisory");
        json_add_string(writer, "classification",
                        enum_name(&classification_names, (int)advisory->classification));
        json_add_string(writer, "severity", enum_name(&severity_names, (int)advisory->severity));
        json_add_time(writer, "published", advisory->is_cve ? 0 : advisory->published);
        json_add_string(writer, "fixed", fix->fixed);
        json_add_bool(writer, "exact", !fix->is_after && strcmp(fix->fixed, context->version) == 0);
        json_begin_array(writer, "cves");
        for (size_t i = 0; i < advisory->n_cves; i++)
                json_add_string(writer, NULL,
                                advisories_get_cve(context->advisories, advisory->first_cve + i));
        json_end(writer);
        json_end(writer);
        return 0;
}

static int write_records(const struct chain *chain, const struct verdict *verdict)
{
        const struct evaluate_input *input = chain->input->evaluated;
        const struct available *available = verdict->available;
        bool is_rpm = input->inventory->format == FORMAT_RPM;
        struct record_context context = {.advisories = input->advisories,
                                         .version = is_rpm ? available->version
                                                           : available->source_version,
                                         .writer = chain->writer};
        int r;

        json_begin_array(chain->writer, "records");
        r = carried_for_each(input, chain->decision->package, available, write_record, &context);
        json_end(chain->writer);
        return r;
}

/* ---- which rule, and why not the others ---- */

static void write_passed_over(const struct chain *chain, const struct verdict *verdict,
                              const char *name, const struct filter *filter)
{
        CLEANUP(freep) char *why = explain_mismatch(filter, chain->decision->package, verdict);

        json_begin_object(chain->writer, NULL);
        json_add_string(chain->writer, "name", name);
        json_add_string(chain->writer, "reason", why);
        json_end(chain->writer);
}

/* Filters of the baseline stand before its rules; what they leave out no rule sees. */
static void write_all_passed_over(const struct chain *chain, const struct verdict *verdict)
{
        const struct baseline *baseline = chain->baseline;
        const struct package *package = chain->decision->package;

        json_begin_array(chain->writer, "rules_passed_over");
        if (baseline && !approval_filter_matches(&baseline->filter, package, verdict))
                write_passed_over(chain, verdict, NULL, &baseline->filter);
        else
                for (size_t i = 0; baseline && i < baseline->n_rules; i++) {
                        if (&baseline->rules[i] == verdict->rule)
                                break;
                        write_passed_over(chain, verdict, baseline->rules[i].name,
                                          &baseline->rules[i].filter);
                }
        json_end(chain->writer);
}

static void write_rule(const struct chain *chain, const struct verdict *verdict)
{
        CLEANUP(freep)
        char *meaning = verdict->rule ? explain_rule(chain->input->evaluated, verdict->rule,
                                                     chain->decision->package)
                                      : NULL;

        write_all_passed_over(chain, verdict);
        json_add_string(chain->writer, "rule", verdict->rule ? verdict->rule->name : NULL);
        json_add_string(chain->writer, "rule_meaning", meaning);
        json_add_string(chain->writer, "approved_by",
                        verdict->approved_by ? approval_selector_name(verdict->approved_by) : NULL);
        json_add_string(chain->writer, "rejected_by",
                        verdict->rejected_by ? approval_selector_name(verdict->rejected_by) : NULL);
}

/* ---- one version ---- */

static int write_verdict(const struct chain *chain, const char *name, const struct verdict *verdict)
{
        struct json_writer *writer = chain->writer;
        const struct evidence *evidence = &verdict->evidence;
        int r;

        json_begin_object(writer, name);
        json_add_string(writer, "version", verdict->available->version);
        json_add_string(writer, "source", verdict->available->source);
        json_add_string(writer, "source_version", verdict->available->source_version);
        json_add_int(writer, "priority", verdict->available->priority);
        json_add_string(writer, "held_by", verdict->available->held_by);
        write_indexes(verdict->available, writer);
        json_add_string(writer, "classification",
                        enum_name(&classification_names, (int)verdict->classification));
        json_add_string(writer, "severity", enum_name(&severity_names, (int)verdict->severity));
        json_add_strings(writer, "advisories", &verdict->advisories);
        json_add_strings(writer, "cves", &verdict->cves);
        r = write_records(chain, verdict);
        json_add_time(writer, "released_at", evidence->released_at);
        json_add_string(writer, "date_source",
                        evidence->released_at ? enum_name(&date_source_names, (int)evidence->source)
                                              : NULL);
        json_add_string(writer, "evidence", evidence->text);
        write_rule(chain, verdict);
        json_add_bool(writer, "approved", verdict->is_approved);
        json_add_time(writer, "approve_at", verdict->approve_at);
        json_add_string(writer, "reason", verdict->reason);
        json_add_string(writer, "needs", verdict->needs);
        json_end(writer);
        return r;
}

/* ---- versions nobody judged ---- */

static bool is_judged(const struct decision *decision, const struct available *available)
{
        for (size_t i = 0; i < decision->n_verdicts; i++)
                if (decision->verdicts[i].available == available)
                        return true;
        return false;
}

static void write_left_out(const struct chain *chain)
{
        const struct package *package = chain->decision->package;
        struct json_writer *writer = chain->writer;

        json_begin_array(writer, "versions_left_out");
        for (size_t i = 0; i < package->n_available; i++) {
                const struct available *available = &package->available[i];
                CLEANUP(freep) char *why = NULL;

                if (is_judged(chain->decision, available))
                        continue;
                why = explain_left_out(package, available);
                json_begin_object(writer, NULL);
                json_add_string(writer, "version", available->version);
                json_add_int(writer, "priority", available->priority);
                json_add_string(writer, "reason", why);
                write_indexes(available, writer);
                json_end(writer);
        }
        json_end(writer);
}

/* ---- when ---- */

static int write_installation(const struct chain *chain)
{
        const struct evaluate_input *input = chain->input->evaluated;
        const struct assignment *assignment = chain->input->decisions->assignment;
        CLEANUP(installation_done) struct installation installation = {0};
        CLEANUP(freep) char *local = NULL;
        struct json_writer *writer = chain->writer;
        int r;

        r = explain_installation(input, chain->input->decisions, chain->decision, &installation);
        if (r < 0)
                return r;
        if (installation.is_planned)
                local = window_local_text(assignment->window, installation.from);
        json_begin_object(writer, "installation");
        json_add_string(writer, "window",
                        installation.is_planned ? assignment->window->name : NULL);
        json_add_string(writer, "timezone",
                        installation.is_planned ? assignment->window->timezone : NULL);
        json_add_time(writer, "from", installation.from);
        json_add_string(writer, "from_local", local);
        json_add_time(writer, "opens_at", installation.opening.opens_at);
        json_add_time(writer, "closes_at", installation.opening.closes_at);
        json_add_string(writer, "text", installation.text);
        json_end(writer);
        return 0;
}

int chain_write(const struct report_input *input, const struct decision *decision,
                struct json_writer *writer)
{
        const struct assignment *assignment = input->decisions->assignment;
        const struct chain chain = {.input = input,
                                    .decision = decision,
                                    .baseline = assignment ? assignment->baseline : NULL,
                                    .writer = writer};
        int r = 0;

        json_begin_array(writer, "versions");
        for (size_t i = 0; r >= 0 && i < decision->n_verdicts; i++)
                r = write_verdict(&chain, NULL, &decision->verdicts[i]);
        json_end(writer);
        write_left_out(&chain);
        if (!decision->current)
                json_add_null(writer, "current");
        else if (r >= 0)
                r = write_verdict(&chain, "current", decision->current);
        return r < 0 ? r : write_installation(&chain);
}
