/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/report_view.h"

#include "base/str.h"
#include "ctl/print.h"

#include <stdio.h>
#include <string.h>

static const struct {
        const char *status;
        int exit_code;
        enum tone tone;
        const char *words;
} statuses[] = {
    {"compliant", EXIT_DONE, TONE_GOOD, "COMPLIANT"},
    {"non_compliant", EXIT_NON_COMPLIANT, TONE_BAD, "NON-COMPLIANT"},
    {"unknown", EXIT_UNKNOWN, TONE_WARN, "UNKNOWN"},
};

static const struct {
        const char *state;
        enum tone tone;
} state_tones[] = {
    {"failed", TONE_BAD},
    {"missing", TONE_BAD},
    {"installed_rejected", TONE_BAD},
    {"held", TONE_WARN},
    {"rejected", TONE_WARN},
    {"pending_approval", TONE_WARN},
    {"not_approved", TONE_DIM},
    {"installed", TONE_GOOD},
    {"installed_other", TONE_PLAIN},
    {"installed_pending_reboot", TONE_WARN},
};

static size_t status_row(const struct json *report)
{
        const char *status = json_get_string(json_get(report, "compliance"), "status");

        for (size_t i = 0; status && i < ELEMENTSOF(statuses); i++)
                if (strcmp(statuses[i].status, status) == 0)
                        return i;
        return ELEMENTSOF(statuses) - 1;
}

static bool is_reboot_pending(const struct json *report)
{
        return str_equal(json_get_string(json_get(report, "reboot"), "required"), "yes");
}

int report_view_exit_code(const struct json *report)
{
        int code = statuses[status_row(report)].exit_code;

        return code == EXIT_DONE && is_reboot_pending(report) ? EXIT_REBOOT_PENDING : code;
}

enum tone report_view_tone(const char *state)
{
        for (size_t i = 0; i < ELEMENTSOF(state_tones); i++)
                if (strcmp(state_tones[i].state, state) == 0)
                        return state_tones[i].tone;
        return TONE_PLAIN;
}

/* ---- the head ---- */

static int append_count(const char *name, const struct json *value, void *arg)
{
        CLEANUP(freep) char *text = NULL;
        struct str *line = arg;

        if (json_to_text(value, &text) < 0)
                return -ENOMEM;
        if (strcmp(text, "0") == 0 || strcmp(name, "installed_other") == 0)
                return 0;
        str_appendf(line, "%s%s ", line->length > 0 ? ", " : "", text);
        for (; *name; name++)
                str_append_char(line, *name == '_' ? ' ' : *name);
        return 0;
}

static void print_status(const struct ctl *ctl, const struct json *report)
{
        CLEANUP(str_done) struct str counts = {0};
        const struct json *compliance = json_get(report, "compliance");
        const struct json *node = json_get(report, "node"), *os = json_get(node, "os");
        enum tone tone = statuses[status_row(report)].tone;

        (void)json_for_each_member(json_get(compliance, "counts"), append_count, &counts);
        printf("%s%s%s  %s (%s %s, %s)%s%s%s\n", print_tone(ctl->colour, tone),
               statuses[status_row(report)].words, print_tone_end(ctl->colour, tone),
               json_get_string(node, "hostname") ?: "?", json_get_string(os, "id") ?: "?",
               json_get_string(os, "version") ?: "", json_get_string(node, "arch") ?: "?",
               counts.length > 0 ? ": " : "", counts.length > 0 ? counts.data : "",
               json_get_bool(compliance, "overdue", false) ? " (overdue)" : "");
}

static void print_line(const char *label, const char *text)
{
        printf("  %-12s %s\n", label, text ?: "-");
}

static void print_sentences(const char *label, const struct json *list)
{
        for (size_t i = 0; i < json_length(list); i++)
                print_line(i == 0 ? label : "", json_string(json_at(list, i)));
}

static void print_policy(const struct json *report, time_t now)
{
        const struct json *policy = json_get(report, "policy");
        CLEANUP(freep) char *expires = print_when(json_get_time(policy, "expires"), now);
        CLEANUP(freep) char *line = NULL;
        const char *assignment = json_get_string(policy, "assignment");

        if (!policy)
                return;
        line = assignment
                   ? str_format("%s version %lld, assignment %s, baseline %s, mode %s",
                                json_get_string(policy, "policy_id"),
                                (long long)json_get_int(policy, "version", 0), assignment,
                                json_get_string(policy, "baseline") ?: "-",
                                json_get_string(policy, "mode") ?: "-")
                   : str_format("%s version %lld, unassigned", json_get_string(policy, "policy_id"),
                                (long long)json_get_int(policy, "version", 0));
        print_line("policy", line);
        print_line("expires", expires);
}

static void print_window(const struct json *report, time_t now)
{
        const struct json *window = json_get(report, "window");
        CLEANUP(freep) char *opens = print_when(json_get_time(window, "opens_at"), now);
        CLEANUP(freep) char *closes = print_when(json_get_time(window, "closes_at"), now);
        CLEANUP(freep) char *line = NULL;

        if (!json_is_object(window))
                return;
        line = json_get_bool(window, "open", false)
                   ? str_format("%s is open, closes %s", json_get_string(window, "name"), closes)
                   : str_format("%s opens %s", json_get_string(window, "name"), opens);
        print_line("window", line);
}

static void print_operations(const struct json *report)
{
        const struct json *operations = json_get(report, "operations");

        for (size_t i = 0; i < json_length(operations); i++) {
                const struct json *operation = json_at(operations, i);
                const char *state = json_get_string(operation, "state") ?: "?";
                const char *result = json_get_string(operation, "result");
                CLEANUP(freep)
                char *line = str_format(
                    "%s (%s): %s%s%s, until %s", json_get_string(operation, "id") ?: "?",
                    json_get_string(operation, "action") ?: "?", state, result ? ", " : "",
                    result ?: "", json_get_string(operation, "expires") ?: "?");

                print_line(i == 0 ? "operations" : "", line);
        }
}

static void print_last_run(const struct json *report, time_t now)
{
        const struct json *run = json_get(report, "last_run");
        CLEANUP(freep) char *finished = print_when(json_get_time(run, "finished_at"), now);
        CLEANUP(freep) char *line = NULL;

        if (!json_is_object(run))
                return;
        line = str_format("%s %s, finished %s", json_get_string(run, "run_id"),
                          json_get_string(run, "result"), finished);
        print_line("last run", line);
        if (json_get_string(run, "reboot"))
                printf("  %-12s its reboot: %s\n", "", json_get_string(run, "reboot"));
}

static void print_services(const struct json *report)
{
        const struct json *services = json_get(report, "services_to_restart");
        const char *note = json_get_string(json_get(report, "last_run"), "services_note");
        CLEANUP(str_done) struct str line = {0};

        for (size_t i = 0; i < json_length(services); i++)
                str_appendf(&line, "%s%s", i > 0 ? ", " : "",
                            json_string(json_at(services, i)) ?: "?");
        if (line.length > 0)
                print_line("to restart", line.data);
        else if (!services && note)
                print_line("to restart", note);
}

/* What a judgement at another time is asked for: what would be installed then. */
static void print_what_if(const struct json *report, time_t now)
{
        const struct json *compliance = json_get(report, "compliance");
        const struct json *counts = json_get(compliance, "counts");
        const struct json *refusals = json_get(compliance, "apply_refusals");
        const struct json *window = json_get(report, "window");
        int64_t n = json_get_int(counts, "missing", 0) + json_get_int(counts, "failed", 0);
        CLEANUP(freep) char *when = print_when(now, time(NULL));
        CLEANUP(freep) char *line = NULL;

        if (!json_get_bool(report, "what_if", false))
                return;
        print_line("as of", when);
        if (n == 0 || json_length(refusals) > 0 || !json_is_object(window))
                line = str_format("nothing%s%s", n == 0 ? ": nothing is missing then" : ": ",
                                  n == 0                      ? ""
                                  : json_length(refusals) > 0 ? json_string(json_at(refusals, 0))
                                                              : "no window is assigned");
        else
                line = str_format("the %lld missing below, in window '%s', which %s %s",
                                  (long long)n, json_get_string(window, "name"),
                                  json_get_bool(window, "open", false) ? "is open since" : "opens",
                                  json_get_string(window, "opens_at") ?: "never");
        print_line("would do", line);
}

static void print_head(const struct ctl *ctl, const struct json *report, time_t now)
{
        const struct json *reboot = json_get(report, "reboot");
        int64_t age_seconds = json_get_int(report, "index_age_seconds", -1);
        char age[64] = "unknown";

        print_status(ctl, report);
        print_what_if(report, now);
        print_sentences("unknown", json_get(json_get(report, "compliance"), "unknown_reasons"));
        print_policy(report, now);
        print_window(report, now);
        print_sentences("not applied", json_get(json_get(report, "compliance"), "apply_refusals"));
        if (age_seconds >= 0)
                print_duration(age_seconds, age, sizeof(age));
        print_line("index age", age);
        if (is_reboot_pending(report))
                print_sentences("reboot", json_get(reboot, "reasons"));
        print_services(report);
        print_sentences("broken", json_get(report, "broken_packages"));
        print_sentences("beside us", json_get(report, "other_updaters"));
        print_last_run(report, now);
        print_operations(report);
}

/* ---- packages ---- */

static void print_packages(const struct ctl *ctl, const struct json *packages)
{
        CLEANUP(table_done) struct table table = {.n_columns = 6};

        if (json_length(packages) == 0)
                return;
        table_add(&table, TONE_BOLD,
                  (const char *[]){"STATE", "PACKAGE", "INSTALLED", "TARGET", "SEVERITY", "WHY"});
        for (size_t i = 0; i < json_length(packages); i++) {
                const struct json *package = json_at(packages, i);
                const char *state = json_get_string(package, "state") ?: "?";
                const char *target = json_get_string(package, "target");

                table_add(&table, report_view_tone(state),
                          (const char *[]){state, json_get_string(package, "name"),
                                           json_get_string(package, "installed"),
                                           target ?: json_get_string(package, "candidate"),
                                           json_get_string(package, "severity"),
                                           json_get_string(package, "reason")});
        }
        printf("\n");
        table_print(&table, ctl->colour);
}

void report_view_print(const struct ctl *ctl, const struct json *report, time_t now)
{
        print_head(ctl, report, now);
        print_packages(ctl, json_get(report, "packages"));
}
