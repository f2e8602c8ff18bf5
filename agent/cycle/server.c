/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/server.h"

#include "base/str.h"
#include "cycle/cycle.h"
#include "host/connection.h"

#include <string.h>

#define INTERFACE "org.patchd.cycle"

enum { REQUEST_MAX_BYTES = 64 * 1024, REQUEST_VALUES_MAX = 100 };

static const uint64_t send_timeout_usec = 10 * 1000000ULL;
static const uint64_t call_timeout_usec = 60 * 1000000ULL;

struct server {
        struct connection *connection;
        const struct paths *paths;
        bool more;
};

static int send_text(struct server *server, char *text, struct diag *diag)
{
        CLEANUP(freep) char *owned = text;

        if (!owned)
                return -ENOMEM;
        return connection_send(server->connection, owned, send_timeout_usec, diag);
}

static int send_error(struct server *server, const char *error, const char *parameter,
                      const char *text, struct diag *diag)
{
        return send_text(server, varlink_error_text(error, parameter, text), diag);
}

/* ---- replies of Run ---- */

static char *step_text(const struct progress *progress, const char *result)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(json_freep) struct json *value = NULL;
        CLEANUP(freep) char *parameters = NULL;

        if (result && json_parse(result, strlen(result), &value, NULL) < 0)
                return NULL;
        json_begin_object(writer, NULL);
        progress_write(progress, writer);
        if (value)
                json_add_value(writer, "result", value);
        json_end(writer);
        if (json_writer_finish(writer, false, &parameters) < 0)
                return NULL;
        return varlink_reply_text(parameters, !result);
}

/* A daemon that has left meanwhile (its own upgrade) neither ends the cycle nor fails it. */
static int on_progress(const struct progress *progress, void *context)
{
        struct server *server = context;

        if (server->more && send_text(server, step_text(progress, NULL), NULL) < 0)
                server->more = false;
        return 0;
}

/* The end of a cycle: its result, or why there is none. */
static int send_end(struct server *server, int error, const struct cycle_result *result,
                    const struct diag *why, struct diag *diag)
{
        const struct progress end = progress_of("finished", result->error ?: "done");
        CLEANUP(freep) char *text = NULL;

        if (error >= 0)
                error = cycle_result_to_text(result, &text);
        if (error == -EBUSY)
                return send_error(server, INTERFACE ".AlreadyRunning", "message",
                                  diag_text(why, error), diag);
        if (error < 0)
                return send_error(server, INTERFACE ".Failed", "message", diag_text(why, error),
                                  diag);
        return send_text(server, step_text(&end, text), diag);
}

/* Gives 1 after a cycle: the connection has done its work. */
static int answer_run(struct server *server, const struct varlink_call *call, struct diag *diag)
{
        CLEANUP(cycle_result_done) struct cycle_result result = {0};
        const char *trigger = json_get_string(call->parameters, "trigger");
        struct diag why = {0}, unheard = {0};
        int r;

        if (!trigger || !cycle_is_trigger(trigger))
                return send_error(server, "org.varlink.service.InvalidParameter", "parameter",
                                  "trigger", diag);
        server->more = call->more;
        r = cycle_run(
            &(struct cycle_options){
                .paths = server->paths,
                .trigger = trigger,
                .on_progress = on_progress,
                .context = server,
            },
            &result, &why);
        r = send_end(server, r, &result, &why, &unheard);
        if (r == -EPIPE || r == -ECONNRESET)
                return 1; /* the state has what it would have said */
        return r < 0 ? diag_fail(diag, r, "%s", diag_text(&unheard, r)) : 1;
}

/* ---- one connection ---- */

static int answer(struct server *server, const struct json *message, struct diag *diag)
{
        static const char *const names[] = {INTERFACE};
        const char *const texts[] = {varlink_interface_cycle};
        struct varlink_call call;
        char *reply;
        int r;

        r = varlink_read_call(message, &call, diag);
        if (r < 0)
                return r;
        reply = varlink_answer_service(&call, names, texts, ELEMENTSOF(names));
        if (reply)
                return send_text(server, reply, diag);
        if (strcmp(call.method, INTERFACE ".Run") != 0)
                return send_text(server, varlink_unknown_text(&call, names, ELEMENTSOF(names)),
                                 diag);
        return answer_run(server, &call, diag);
}

static int check_peer(struct server *server, struct diag *diag)
{
        uid_t uid;
        pid_t pid;
        int r = connection_peer(server->connection, &uid, &pid, diag);

        if (r < 0)
                return r;
        if (uid == 0 || uid == getuid())
                return 0;
        (void)send_error(server, INTERFACE ".PermissionDenied", "message",
                         "only the daemon's user may ask for a cycle", NULL);
        return diag_fail(diag, -EPERM, "process %d of uid %u asked for a cycle and may not",
                         (int)pid, (unsigned)uid);
}

int server_run(int fd, const struct paths *paths, struct diag *diag)
{
        CLEANUP(connection_freep) struct connection *connection = NULL;
        struct server server = {.paths = paths};
        int r;

        r = connection_adopt(fd, &connection, diag);
        if (r < 0)
                return r;
        connection_limit(connection, REQUEST_MAX_BYTES, REQUEST_VALUES_MAX);
        server.connection = connection;
        r = check_peer(&server, diag);
        while (r == 0) {
                CLEANUP(json_freep) struct json *message = NULL;

                r = connection_receive(connection, call_timeout_usec, &message, diag);
                if (r == -ECONNRESET)
                        return 0;
                if (r >= 0)
                        r = answer(&server, message, diag);
        }
        return r < 0 ? r : 0;
}
