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

/* ---- progress ---- */

void service_begin_work(struct service *service, const char *run_id, const char *trigger,
                        time_t now)
{
        service->now = progress_of("preparing", "");
        service->meter = (struct progress_meter){0};
        progress_file_begin(&service->file, service->paths, run_id, trigger, now);
        service_progress(service, "preparing", "looking at policy and packages");
}

void service_end_work(struct service *service)
{
        progress_file_end(&service->file);
}

void service_enter(struct service *service, int64_t from, int64_t to)
{
        service->now.step = service->now.n_steps = 0;
        progress_meter_enter(&service->meter, from, to);
}

static void send_progress(struct service *service, const struct progress *progress)
{
        CLEANUP(freep) char *parameters = NULL, *message = NULL;

        if (!service->more || service->client_is_gone)
                return;
        parameters = progress_to_text(progress);
        message = parameters ? varlink_reply_text(parameters, true) : NULL;
        if (message)
                service_send(service, message);
}

void service_tell(struct service *service, const struct progress *work, int64_t done, int64_t total)
{
        struct progress progress = *work;

        if (progress.state[0] == '\0')
                progress.state = service->now.state;
        progress.step = service->now.step;
        progress.n_steps = service->now.n_steps;
        if (service->meter.to > 0)
                progress.percent = progress_meter_reach(&service->meter, done, total);
        progress_file_write(&service->file, &progress);
        send_progress(service, &progress);
}

void service_progress(struct service *service, const char *state, const char *text)
{
        const struct progress work = progress_of("", text);

        service->now.state = state;
        service_tell(service, &work, 0, 1);
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
