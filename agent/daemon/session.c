/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session.h"

#include "base/str.h"

#include <string.h>
#include <sys/socket.h>

enum { READ_CHUNK_BYTES = 16 * 1024 };

#define TIMEOUT_USEC          ((uint64_t)SESSION_TIMEOUT_SEC * 1000000)
#define TIMEOUT_ACCURACY_USEC ((uint64_t)1000000)

struct session {
        int fd;
        sd_event_source *io, *timeout;
        struct session_events events;
        struct varlink_buffer input;
        struct str output;
        size_t n_sent; /* of output */
        bool is_allowed, is_watching;
        bool has_more_input; /* whole messages may be waiting in the buffer */
        bool has_ended;      /* the peer sends no more, but may still read */
        bool is_closing;     /* to be freed by on_closed */
};

void session_free(struct session *session)
{
        if (!session)
                return;
        (void)sd_event_source_disable_unref(session->io);
        (void)sd_event_source_disable_unref(session->timeout);
        varlink_buffer_done(&session->input);
        str_done(&session->output);
        closep(&session->fd);
        free(session);
}

bool session_is_watching(const struct session *session)
{
        return session->is_watching && !session->is_closing;
}

size_t session_queued_bytes(const struct session *session)
{
        return session->output.length - session->n_sent;
}

/* ---- timeouts ---- */

/* Begins anew with every call answered and every reply taken, never with single bytes. */
static void restart_timeout(struct session *session)
{
        (void)sd_event_source_set_time_relative(session->timeout, TIMEOUT_USEC);
        (void)sd_event_source_set_enabled(session->timeout, SD_EVENT_ONESHOT);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct session *session = userdata;

        (void)source;
        (void)usec;
        session->events.on_closed(session, session->events.context);
        return 0;
}

/* ---- writing ---- */

static void send_queued(struct session *session)
{
        while (session_queued_bytes(session) > 0) {
                ssize_t n = send(session->fd, session->output.data + session->n_sent,
                                 session_queued_bytes(session), MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n >= 0) {
                        session->n_sent += (size_t)n;
                        continue;
                }
                if (errno == EINTR)
                        continue;
                session->is_closing = session->is_closing || errno != EAGAIN;
                return;
        }
        if (session->n_sent > 0)
                restart_timeout(session);
        str_done(&session->output);
        session->n_sent = 0;
}

/* Takes over reply: one of megabytes is not copied. */
static void queue(struct session *session, char *reply)
{
        size_t size = strlen(reply) + 1; /* with its NUL */

        if (session_queued_bytes(session) == 0) {
                str_done(&session->output);
                session->output = (struct str){.data = reply, .length = size, .capacity = size};
                session->n_sent = 0;
                restart_timeout(session);
        } else {
                str_append_n(&session->output, reply, size);
                free(reply);
        }
        session->is_closing = session->is_closing || session->output.failed;
        if (!session->is_closing)
                send_queued(session);
}

/* ---- what to wait for ---- */

/* While a reply is on its way no further call is read: a peer that does not read is not served. */
static uint32_t wanted_events(const struct session *session)
{
        if (session_queued_bytes(session) > 0)
                return EPOLLOUT;
        if (session->is_watching)
                return 0; /* a hangup is always told */
        if (session->has_more_input)
                return EPOLLOUT;
        return session->has_ended ? 0 : EPOLLIN;
}

static bool is_over(const struct session *session)
{
        bool is_idle = session_queued_bytes(session) == 0 && !session->is_watching;

        return session->is_closing || (session->has_ended && is_idle && !session->has_more_input);
}

/* Also wakes the loop for a session that is to be closed: a socket can nearly always be written. */
static void update(struct session *session)
{
        if (session->is_watching && session_queued_bytes(session) == 0)
                (void)sd_event_source_set_enabled(session->timeout, SD_EVENT_OFF);
        if (is_over(session))
                (void)sd_event_source_set_time_relative(session->timeout, 0);
        if (is_over(session))
                (void)sd_event_source_set_enabled(session->timeout, SD_EVENT_ONESHOT);
        if (sd_event_source_set_io_events(session->io, wanted_events(session)) < 0)
                session->is_closing = true;
}

/* ---- calls ---- */

static char *answer(struct session *session, const struct varlink_call *call, bool *ret_watching)
{
        if (!session->is_allowed)
                return varlink_error_text("org.patchd.agent.PermissionDenied", "message",
                                          "only root and members of the group patchd may ask");
        return session->events.on_call(call, ret_watching, session->events.context);
}

static void take_message(struct session *session, const struct json *message)
{
        CLEANUP(freep) char *reply = NULL;
        struct varlink_call call;
        bool is_watching = false;

        if (varlink_read_call(message, &call, NULL) < 0) {
                session->is_closing = true;
                return;
        }
        reply = answer(session, &call, &is_watching);
        if (!reply) {
                session->is_closing = true;
                return;
        }
        restart_timeout(session);
        if (call.oneway)
                return;
        session->is_watching = is_watching;
        queue(session, TAKE_PTR(reply));
}

static void take_messages(struct session *session)
{
        for (int i = 0; i < SESSION_CALLS_PER_TURN; i++) {
                CLEANUP(json_freep) struct json *message = NULL;
                int r;

                session->has_more_input = true;
                if (session->is_closing || session->is_watching ||
                    session_queued_bytes(session) > 0)
                        return;
                r = varlink_buffer_next(&session->input, &message, NULL);
                if (r < 0)
                        session->is_closing = true;
                if (r <= 0) {
                        session->has_more_input = false;
                        return;
                }
                take_message(session, message);
        }
}

static void read_input(struct session *session)
{
        char bytes[READ_CHUNK_BYTES];
        ssize_t n = recv(session->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

        if (n < 0) {
                session->is_closing = errno != EAGAIN && errno != EINTR;
                return;
        }
        session->has_ended = n == 0;
        if (varlink_buffer_add(&session->input, bytes, (size_t)n, NULL) < 0)
                session->is_closing = true;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct session *session = userdata;

        (void)source;
        (void)fd;
        if (events & EPOLLIN)
                read_input(session);
        if (events & EPOLLOUT)
                send_queued(session);
        if (events & (EPOLLHUP | EPOLLERR) && !(events & EPOLLIN))
                session->is_closing = true;
        take_messages(session);
        if (is_over(session))
                session->events.on_closed(session, session->events.context);
        else
                update(session);
        return 0;
}

void session_notify(struct session *session, const char *reply, bool is_last)
{
        char *copy = strdup(reply);

        if (copy && session_queued_bytes(session) + strlen(copy) <= SESSION_WATCH_QUEUE_MAX_BYTES)
                queue(session, TAKE_PTR(copy));
        else
                session->is_closing = true;
        free(copy);
        if (is_last) {
                session->is_watching = false;
                restart_timeout(session);
        }
        update(session);
}

void session_abort(struct session *session)
{
        str_done(&session->output);
        session->n_sent = 0;
        session->is_closing = true;
        update(session);
}

/* ---- beginning ---- */

int session_new(sd_event *event, int fd, bool is_allowed, const struct session_events *events,
                struct session **ret)
{
        CLEANUP(session_freep) struct session *session = calloc(1, sizeof(*session));
        int r;

        if (!session) {
                closep(&fd);
                return -ENOMEM;
        }
        session->fd = fd;
        session->is_allowed = is_allowed;
        session->events = *events;
        session->input.max_bytes = SESSION_REQUEST_MAX_BYTES;
        r = sd_event_add_io(event, &session->io, fd, EPOLLIN, on_io, session);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(event, &session->timeout, CLOCK_MONOTONIC, TIMEOUT_USEC,
                                       TIMEOUT_ACCURACY_USEC, on_timeout, session);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(session);
        return 0;
}
