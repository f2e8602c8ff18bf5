/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/methods.h"

#include "base/str.h"
#include "daemon/manager.h"
#include "host/log.h"
#include "host/running.h"
#include "host/store.h"

#include <string.h>

enum { HISTORY_DEFAULT = 20, HISTORY_REPLY_MAX_BYTES = 4 * 1024 * 1024 };

static const char *const interface_names[] = {"org.patchd.agent"};

/* ---- helpers ---- */

static char *reply_with(char *parameters)
{
        char *reply = parameters ? varlink_reply_text(parameters, false) : NULL;

        free(parameters);
        return reply;
}

static char *simple_error(const char *name)
{
        CLEANUP(freep) char *error = str_format("org.patchd.agent.%s", name);

        return error ? varlink_error_text(error, NULL, NULL) : NULL;
}

/* No file yet is no store; everything else that goes wrong is logged, and looks the same. */
static struct store *open_store(const struct manager *manager)
{
        struct store *store = NULL;
        struct diag diag = {0};
        int r = store_open(manager_paths(manager)->state, true, &store, NULL, &diag);

        if (r < 0 && r != -ENOENT)
                log_line(LOG_LEVEL_ERROR, "%s", diag_text(&diag, r));
        return r < 0 ? NULL : store;
}

/* Whether parameters has only the n names; the first other one is given. */
struct name_check {
        const char *const *names;
        size_t n;
        const char *unknown;
};

static int check_name(const char *name, const struct json *value, void *arg)
{
        struct name_check *check = arg;

        (void)value;
        for (size_t i = 0; i < check->n; i++)
                if (strcmp(name, check->names[i]) == 0)
                        return 0;
        check->unknown = name;
        return -EINVAL;
}

/* ---- methods ---- */

static char *get_status(struct manager *manager, const struct varlink_call *call, bool *watching)
{
        CLEANUP(store_closep) struct store *store = open_store(manager);
        struct daemon_status status = manager_status(manager);
        struct diag diag = {0};
        char *text = NULL;
        int r;

        (void)call;
        (void)watching;
        r = status_text(&status, manager_paths(manager), store, time(NULL), &text, &diag);
        if (r < 0 && r != -ENOMEM) { /* a report that can't be read: all but it */
                status.last_error = diag_text(&diag, r);
                r = status_text(&status, manager_paths(manager), NULL, time(NULL), &text, NULL);
        }
        return r < 0 ? NULL : reply_with(text);
}

static char *runs_text(const struct strv *outcomes)
{
        CLEANUP(str_done) struct str text = {0};
        char *taken = NULL;

        str_append(&text, "{\"runs\":[");
        for (size_t i = 0; i < outcomes->n_items; i++) {
                if (text.length + strlen(outcomes->items[i]) > HISTORY_REPLY_MAX_BYTES)
                        break; /* older ones can be asked for by their id */
                str_append(&text, i > 0 ? "," : "");
                str_append(&text, outcomes->items[i]);
        }
        str_append(&text, "]}");
        return str_take(&text, &taken) < 0 ? NULL : taken;
}

static char *one_run(struct store *store, const char *run)
{
        CLEANUP(strv_done) struct strv outcomes = {0};
        CLEANUP(freep) char *outcome = NULL;

        if (!store || store_get_run(store, run, &outcome, NULL) < 0)
                return varlink_error_text("org.patchd.agent.NoSuchRun", "run", run);
        return strv_add(&outcomes, outcome) < 0 ? NULL : reply_with(runs_text(&outcomes));
}

static char *get_history(struct manager *manager, const struct varlink_call *call, bool *watching)
{
        CLEANUP(store_closep) struct store *store = open_store(manager);
        CLEANUP(strv_done) struct strv outcomes = {0};
        const char *run = json_get_string(call->parameters, "run");
        int64_t limit = json_get_int(call->parameters, "limit", -1);
        struct diag diag = {0};
        int r;

        (void)watching;
        if (json_get(call->parameters, "run") && !run)
                return varlink_invalid_text("run");
        if (json_get(call->parameters, "limit") && (limit < 1 || limit > STORE_HISTORY_MAX_RUNS))
                return varlink_invalid_text("limit");
        if (run)
                return one_run(store, run);
        r = store ? store_list_runs(store, limit < 0 ? HISTORY_DEFAULT : (size_t)limit, &outcomes,
                                    &diag)
                  : 0;
        if (r < 0)
                log_line(LOG_LEVEL_ERROR, "%s", diag_text(&diag, r));
        return reply_with(runs_text(&outcomes));
}

static char *explain_text(const struct json *report, const char *name)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        const struct json *packages = json_get(report, "packages");
        char *text = NULL;

        json_begin_object(writer, NULL);
        json_begin_array(writer, "packages");
        for (size_t i = 0; i < json_length(packages); i++)
                if (str_equal(json_get_string(json_at(packages, i), "name"), name))
                        json_add_value(writer, NULL, json_at(packages, i));
        json_end(writer);
        json_end(writer);
        return json_writer_finish(writer, false, &text) < 0 ? NULL : text;
}

static char *explain(struct manager *manager, const struct varlink_call *call, bool *watching)
{
        CLEANUP(store_closep) struct store *store = open_store(manager);
        CLEANUP(json_freep) struct json *report = NULL;
        CLEANUP(freep) char *text = NULL;
        const char *name = json_get_string(call->parameters, "package");

        (void)watching;
        if (!name || !*name)
                return varlink_invalid_text("package");
        if (!store || store_get_report(store, &text, NULL) < 0 ||
            json_parse(text, strlen(text), &report, NULL) < 0)
                return simple_error("NoReport");
        return reply_with(explain_text(report, name));
}

/* Without a cycle of ours the helper may be at work all the same: for an administrator, or for a
 * cycle that an earlier daemon began. */
static char *watch_helper(const struct manager *manager)
{
        CLEANUP(running_done) struct running running = {0};
        struct progress progress = progress_of("idle", "no cycle is running");

        if (running_read(manager_paths(manager), &running, NULL) > 0)
                progress = running.progress;
        return reply_with(progress_to_text(&progress));
}

static char *watch(struct manager *manager, const struct varlink_call *call, bool *watching)
{
        CLEANUP(freep) char *progress = manager_progress(manager);

        if (!progress)
                return watch_helper(manager);
        *watching = call->more;
        return varlink_reply_text(progress, call->more);
}

static const struct method {
        const char *name;
        char *(*answer)(struct manager *manager, const struct varlink_call *call, bool *watching);
        const char *const parameters[3]; /* all names it takes */
} methods[] = {
    {"org.patchd.agent.GetStatus", get_status, {NULL}},
    {"org.patchd.agent.GetHistory", get_history, {"run", "limit", NULL}},
    {"org.patchd.agent.Explain", explain, {"package", NULL}},
    {"org.patchd.agent.Watch", watch, {NULL}},
};

static char *answer(const struct method *method, struct manager *manager,
                    const struct varlink_call *call, bool *watching)
{
        struct name_check check = {.names = method->parameters};

        while (check.names[check.n])
                check.n++;
        if (json_for_each_member(call->parameters, check_name, &check) < 0)
                return varlink_invalid_text(check.unknown);
        return method->answer(manager, call, watching);
}

char *methods_answer(const struct varlink_call *call, bool *ret_watching, void *context)
{
        char *reply;

        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (strcmp(call->method, methods[i].name) == 0)
                        return answer(&methods[i], context, call, ret_watching);
        reply = varlink_answer_service(call, interface_names, &varlink_interface_agent,
                                       ELEMENTSOF(interface_names));
        return reply ?: varlink_unknown_text(call, interface_names, ELEMENTSOF(interface_names));
}
