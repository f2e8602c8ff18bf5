/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/service.h"

#include "base/str.h"

#include <signal.h>

#define ERROR_PREFIX "org.patchd.apply."

enum { SEND_TIMEOUT_USEC = 5 * 1000 * 1000 };

/* Written by the signal handler alone. */
static volatile sig_atomic_t stop_requested;

static void on_stop(int number)
{
        (void)number;
        stop_requested = 1;
}

bool service_should_stop(void)
{
        return stop_requested != 0;
}

void service_catch_signals(void)
{
        struct sigaction stop = {.sa_handler = on_stop}, ignore = {.sa_handler = SIG_IGN};

        /* Without SA_RESTART, so that waiting for a request ends. */
        (void)sigaction(SIGTERM, &stop, NULL);
        (void)sigaction(SIGINT, &stop, NULL);
        (void)sigaction(SIGPIPE, &ignore, NULL);
        (void)sigaction(SIGHUP, &ignore, NULL);
}

void service_send(struct service *service, const char *message)
{
        if (service->client_is_gone)
                return;
        if (!message || connection_send(service->connection, message, SEND_TIMEOUT_USEC, NULL) < 0)
                service->client_is_gone = true;
}

void service_progress(struct service *service, const char *state, const char *text, int percent)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = NULL;
        CLEANUP(freep) char *parameters = NULL, *message = NULL;

        if (!service->more || service->client_is_gone)
                return;
        writer = json_writer_new();
        json_begin_object(writer, NULL);
        json_add_string(writer, "state", state);
        json_add_string(writer, "text", text);
        if (percent >= 0)
                json_add_int(writer, "percent", percent);
        json_end(writer);
        if (json_writer_finish(writer, false, &parameters) < 0)
                return;
        message = varlink_reply_text(parameters, true);
        service_send(service, message);
}

/* ---- errors ---- */

char *answer_error(const char *error, const char *message)
{
        CLEANUP(freep) char *name = str_format(ERROR_PREFIX "%s", error);

        return name ? varlink_error_text(name, "message", message) : NULL;
}

static struct json_writer *begin_error(const char *name)
{
        struct json_writer *writer = json_writer_new();

        json_begin_object(writer, NULL);
        json_add_string(writer, "error", name);
        json_begin_object(writer, "parameters");
        return writer;
}

static char *end_error(struct json_writer *writer)
{
        char *text = NULL;
        int r;

        json_end(writer);
        json_end(writer);
        r = json_writer_finish(writer, false, &text);
        json_writer_free(writer);
        return r < 0 ? NULL : text;
}

char *answer_already_running(const char *run_id, time_t since)
{
        struct json_writer *writer = begin_error(ERROR_PREFIX "AlreadyRunning");

        json_add_string(writer, "run_id", run_id);
        json_add_time(writer, "since", since);
        return end_error(writer);
}

char *answer_window_closed(time_t opens_at)
{
        struct json_writer *writer = begin_error(ERROR_PREFIX "WindowClosed");

        json_add_time(writer, "opens_at", opens_at);
        return end_error(writer);
}

char *answer_policy_refused(const char *refusal, const char *message)
{
        struct json_writer *writer = begin_error(ERROR_PREFIX "PolicyRefused");

        json_add_string(writer, "refusal", refusal);
        json_add_string(writer, "message", message);
        return end_error(writer);
}

char *answer_policy_expired(void)
{
        return end_error(begin_error(ERROR_PREFIX "PolicyExpired"));
}

char *answer_paused(time_t until)
{
        struct json_writer *writer = begin_error(ERROR_PREFIX "Paused");

        json_add_time(writer, "until", until);
        return end_error(writer);
}
