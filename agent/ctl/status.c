/* SPDX-License-Identifier: Apache-2.0 */

/* status and history: what the daemon knows. */

#include "base/str.h"
#include "base/timetext.h"
#include "ctl/bar.h"
#include "ctl/print.h"
#include "ctl/remote.h"
#include "ctl/report_view.h"

#include <stdio.h>
#include <string.h>

#define READERS "root and members of group patchd"

static int ask_agent(const struct ctl *ctl, const char *method, const char *parameters,
                     struct json **ret)
{
        struct remote_call call = {.socket_path = ctl->paths->agent_socket,
                                   .method = method,
                                   .parameters = parameters,
                                   .who = READERS};
        CLEANUP(freep) char *error = NULL;
        struct diag diag = {0};
        int r = remote_ask(&call, ret, &error, &diag);

        if (r < 0)
                (void)ctl_fail(&diag, r);
        return r;
}

/* --json is the reply unchanged. */
static int print_json(const struct json *json)
{
        CLEANUP(freep) char *text = NULL;

        if (json_to_text(json, &text) < 0)
                return EXIT_FAILED;
        printf("%s\n", text);
        return EXIT_DONE;
}

/* ---- status ---- */

static void print_when_line(const char *label, time_t time, time_t now, const char *more)
{
        CLEANUP(freep) char *when = print_when(time, now);

        if (time != 0)
                printf("  %-12s %s%s%s\n", label, when, more ? ", " : "", more ?: "");
}

static void print_running(const struct json *running)
{
        const struct progress progress = progress_read(running);
        CLEANUP(freep) char *text = json_is_object(running) ? bar_text(&progress) : NULL;

        if (text)
                printf("  %-12s run %s (%s) since %s, %s\n", "running",
                       json_get_string(running, "run_id"), json_get_string(running, "trigger"),
                       json_get_string(running, "since") ?: "?", text);
}

static void print_daemon(const struct json *daemon, time_t now)
{
        const struct json *spool = json_get(daemon, "spool"), *paused = json_get(daemon, "paused");
        const char *until = json_get_string(paused, "until");

        print_when_line("last poll", json_get_time(daemon, "last_poll_at"), now,
                        json_get_string(daemon, "last_poll_result"));
        print_when_line("next poll", json_get_time(daemon, "next_poll_at"), now, NULL);
        if (json_get_bool(daemon, "cycle_running", false))
                printf("  %-12s a cycle is running now\n", "");
        print_running(json_get(daemon, "running"));
        if (json_get_int(spool, "reports", 0) > 0 || json_get_int(spool, "dropped", 0) > 0)
                printf("  %-12s %lld reports wait for delivery, %lld were dropped\n", "spool",
                       (long long)json_get_int(spool, "reports", 0),
                       (long long)json_get_int(spool, "dropped", 0));
        if (str_equal(json_get_string(daemon, "clock"), "unsynchronised"))
                printf("  %-12s not synchronised: ages, windows and expiry count on it\n", "clock");
        if (json_is_object(paused))
                printf("  %-12s until %s\n", "paused", until ?: "'patchctl resume'");
        if (json_get_string(daemon, "config_error"))
                printf("  %-12s %s\n", "config", json_get_string(daemon, "config_error"));
        if (json_get_string(daemon, "last_error"))
                printf("  %-12s %s\n", "last error", json_get_string(daemon, "last_error"));
}

int verb_status(const struct ctl *ctl)
{
        CLEANUP(json_freep) struct json *reply = NULL;
        const struct json *status, *report;
        time_t now = ctl_now(ctl);

        if (ask_agent(ctl, "org.patchd.agent.GetStatus", NULL, &reply) < 0)
                return EXIT_FAILED;
        status = json_get(reply, "status");
        report = json_get(status, "report");
        if (ctl->json)
                (void)print_json(reply);
        else if (json_is_object(report))
                report_view_print(ctl, report, now);
        else
                printf("%sUNKNOWN%s  no report yet: the first cycle has not finished\n",
                       print_tone(ctl->colour, TONE_WARN), print_tone_end(ctl->colour, TONE_WARN));
        if (!ctl->json)
                print_daemon(json_get(status, "daemon"), now);
        return report_view_exit_code(report);
}

/* ---- history ---- */

static enum tone tone_of_result(const char *result)
{
        if (str_equal(result, "succeeded") || str_equal(result, "updated"))
                return TONE_GOOD;
        return str_equal(result, "failed") ? TONE_BAD : TONE_WARN;
}

static void print_runs(const struct ctl *ctl, const struct json *runs)
{
        CLEANUP(table_done) struct table table = {.n_columns = 6};

        table_add(&table, TONE_BOLD,
                  (const char *[]){"RESULT", "RUN", "TRIGGER", "FINISHED", "PACKAGES", "MESSAGE"});
        for (size_t i = 0; i < json_length(runs); i++) {
                const struct json *run = json_at(runs, i);
                CLEANUP(freep) char *n = str_format("%zu", json_length(json_get(run, "packages")));
                const char *result = json_get_string(run, "result");

                table_add(&table, tone_of_result(result),
                          (const char *[]){result, json_get_string(run, "run_id"),
                                           json_get_string(run, "trigger"),
                                           json_get_string(run, "finished_at"), n,
                                           json_get_string(run, "message")});
        }
        table_print(&table, ctl->colour);
}

/* Hooks and checks: those that passed in one line, the others with all they wrote. */
static void print_scripts(const struct ctl *ctl, const struct json *scripts, const char *kind)
{
        for (size_t i = 0; i < json_length(scripts); i++) {
                const struct json *script = json_at(scripts, i);
                bool passed = json_get_bool(script, "passed", false);
                CLEANUP(freep) char *output = strdup(json_get_string(script, "output") ?: "");
                const char *message = json_get_string(script, "message") ?: "";
                char *rest = output, *line;

                printf("%s%s%s %s %s (%s)%s%s\n",
                       print_tone(ctl->colour, passed ? TONE_GOOD : TONE_BAD),
                       passed ? "passed" : "failed", print_tone_end(ctl->colour, TONE_GOOD), kind,
                       json_get_string(script, "name"), json_get_string(script, "phase"),
                       message[0] ? ": " : "", message);
                while (!passed && (line = strsep(&rest, "\n")))
                        if (*line)
                                printf("    %s\n", line);
        }
}

static void print_run(const struct ctl *ctl, const struct json *run)
{
        CLEANUP(table_done) struct table table = {.n_columns = 5};
        const struct json *packages = json_get(run, "packages");

        printf("run %s (%s): %s, %s\n  policy %s version %lld, from %s to %s\n",
               json_get_string(run, "run_id"), json_get_string(run, "trigger") ?: "-",
               json_get_string(run, "result"), json_get_string(run, "message") ?: "no message",
               json_get_string(run, "policy_id") ?: "-",
               (long long)json_get_int(run, "policy_version", 0),
               json_get_string(run, "started_at") ?: "-",
               json_get_string(run, "finished_at") ?: "-");
        if (json_get_string(run, "reboot"))
                printf("  reboot %s\n", json_get_string(run, "reboot"));
        table_add(&table, TONE_BOLD,
                  (const char *[]){"RESULT", "PACKAGE", "FROM", "TO", "MESSAGE"});
        for (size_t i = 0; i < json_length(packages); i++) {
                const struct json *package = json_at(packages, i);
                const char *result = json_get_string(package, "result");

                table_add(&table, tone_of_result(result),
                          (const char *[]){result, json_get_string(package, "name"),
                                           json_get_string(package, "version_from"),
                                           json_get_string(package, "version_to"),
                                           json_get_string(package, "message") ?: ""});
        }
        table_print(&table, ctl->colour);
        print_scripts(ctl, json_get(run, "hooks"), "hook");
        print_scripts(ctl, json_get(run, "checks"), "check");
}

static char *history_parameters(const struct ctl *ctl)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        char *text = NULL;

        json_begin_object(writer, NULL);
        if (ctl->arguments.n_items > 0)
                json_add_string(writer, "run", ctl->arguments.items[0]);
        else
                json_add_int(writer, "limit", ctl->next);
        json_end(writer);
        return json_writer_finish(writer, false, &text) < 0 ? NULL : text;
}

int verb_history(const struct ctl *ctl)
{
        CLEANUP(freep) char *parameters = history_parameters(ctl);
        CLEANUP(json_freep) struct json *reply = NULL;
        const struct json *runs;

        if (!parameters || ask_agent(ctl, "org.patchd.agent.GetHistory", parameters, &reply) < 0)
                return EXIT_FAILED;
        runs = json_get(reply, "runs");
        if (ctl->json)
                return print_json(reply);
        if (json_length(runs) == 0)
                printf("no run yet\n");
        else if (ctl->arguments.n_items > 0)
                print_run(ctl, json_at(runs, 0));
        else
                print_runs(ctl, runs);
        return EXIT_DONE;
}
