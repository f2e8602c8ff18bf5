/* SPDX-License-Identifier: Apache-2.0 */
#include "host/connection.h"

#include "host/clock.h"
#include "host/peer.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

enum { CONNECT_TIMEOUT_SEC = 10, READ_CHUNK_BYTES = 16 * 1024 };

struct connection {
        int fd;
        struct varlink_buffer input;
        const sigset_t *interrupting; /* NULL: no signal ends a wait */
};

/* ---- opening ---- */

int connection_adopt(int fd, struct connection **ret, struct diag *diag)
{
        struct connection *connection = calloc(1, sizeof(*connection));

        if (!connection) {
                closep(&fd);
                return diag_fail(diag, -ENOMEM, "out of memory");
        }
        connection->fd = fd;
        *ret = connection;
        return 0;
}

void connection_limit(struct connection *connection, size_t max_bytes, size_t max_values)
{
        connection->input.max_bytes = max_bytes;
        connection->input.max_values = max_values;
}

void connection_interrupt_by(struct connection *connection, const sigset_t *mask)
{
        connection->interrupting = mask;
}

static int connect_to(int fd, const char *socket_path, struct diag *diag)
{
        const struct timeval timeout = {.tv_sec = CONNECT_TIMEOUT_SEC};
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        if (strlen(socket_path) >= sizeof(address.sun_path))
                return diag_fail(diag, -ENAMETOOLONG, "%s: too long for a socket", socket_path);
        memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
        /* bounds a connect() to a listener whose queue is full */
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
                return diag_fail(diag, -errno, "%s: cannot set a timeout: %m", socket_path);
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
                return 0;
        if (errno == EAGAIN || errno == EINPROGRESS)
                return diag_fail(diag, -ETIMEDOUT, "%s: the service does not answer", socket_path);
        if (errno == ENOENT || errno == ECONNREFUSED)
                return diag_fail(diag, -errno, "%s: nobody listens; is the service running?",
                                 socket_path);
        if (errno == EACCES || errno == EPERM)
                return diag_fail(diag, -errno,
                                 "%s: permission denied; ask as root or as a member of its group",
                                 socket_path);
        return diag_fail(diag, -errno, "%s: cannot connect: %m", socket_path);
}

int connection_open(const char *socket_path, struct connection **ret, struct diag *diag)
{
        CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int r;

        if (fd < 0)
                return diag_fail(diag, -errno, "cannot make a socket: %m");
        r = connect_to(fd, socket_path, diag);
        if (r < 0)
                return r;
        return connection_adopt(TAKE_FD(fd), ret, diag);
}

void connection_free(struct connection *connection)
{
        if (!connection)
                return;
        varlink_buffer_done(&connection->input);
        closep(&connection->fd);
        free(connection);
}

/* ---- waiting ---- */

/* The end of a wait that begins now; 0 stays 0: for ever. */
static uint64_t deadline_after(uint64_t timeout_usec)
{
        uint64_t now = clock_now_usec();

        if (timeout_usec == 0 || timeout_usec > UINT64_MAX - now)
                return 0;
        return now + timeout_usec;
}

static int wait_for(const struct connection *connection, short events, uint64_t deadline_usec,
                    struct diag *diag)
{
        struct pollfd pollfd = {.fd = connection->fd, .events = events};

        for (;;) {
                uint64_t now = clock_now_usec();
                uint64_t rest = deadline_usec > now ? deadline_usec - now : 0;
                struct timespec timeout = {.tv_sec = (time_t)(rest / 1000000),
                                           .tv_nsec = (long)(rest % 1000000) * 1000};
                int n = ppoll(&pollfd, 1, deadline_usec > 0 ? &timeout : NULL,
                              connection->interrupting);

                if (n > 0)
                        return 0;
                if (n == 0)
                        return diag_fail(diag, -ETIMEDOUT, "the other end did not %s in time",
                                         events == POLLIN ? "answer" : "read");
                if (errno == EINTR && connection->interrupting)
                        return diag_fail(diag, -EINTR, "a signal came");
                if (errno != EINTR)
                        return diag_fail(diag, -errno, "cannot wait for the other end: %m");
        }
}

/* ---- messages ---- */

int connection_send(struct connection *connection, const char *message, uint64_t timeout_usec,
                    struct diag *diag)
{
        uint64_t deadline_usec = deadline_after(timeout_usec);
        size_t size = strlen(message) + 1; /* with its NUL */
        int r;

        while (size > 0) {
                ssize_t n = send(connection->fd, message, size, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n >= 0) {
                        message += n;
                        size -= (size_t)n;
                        continue;
                }
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return diag_fail(diag, -errno, "cannot send to the other end: %m");
                r = wait_for(connection, POLLOUT, deadline_usec, diag);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int closed_by_peer(const struct connection *connection, struct diag *diag)
{
        if (varlink_buffer_is_partial(&connection->input))
                return diag_fail(diag, -EBADMSG, "the other end broke off in a message");
        return diag_fail(diag, -ECONNRESET, "the other end closed the connection");
}

/* Reads what is there, waiting for the first byte. */
static int fill(struct connection *connection, uint64_t deadline_usec, struct diag *diag)
{
        char bytes[READ_CHUNK_BYTES];
        int r;

        for (;;) {
                ssize_t n = recv(connection->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

                if (n > 0) {
                        r = varlink_buffer_add(&connection->input, bytes, (size_t)n, diag);
                        return r == -EMSGSIZE ? -EBADMSG : r;
                }
                if (n == 0 || errno == ECONNRESET)
                        return closed_by_peer(connection, diag);
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return diag_fail(diag, -errno, "cannot read from the other end: %m");
                r = wait_for(connection, POLLIN, deadline_usec, diag);
                if (r < 0)
                        return r;
        }
}

int connection_receive(struct connection *connection, uint64_t timeout_usec, struct json **ret,
                       struct diag *diag)
{
        uint64_t deadline_usec = deadline_after(timeout_usec);
        int r;

        for (;;) {
                r = varlink_buffer_next(&connection->input, ret, diag);
                if (r != 0)
                        return r < 0 ? r : 0;
                r = fill(connection, deadline_usec, diag);
                if (r < 0)
                        return r;
        }
}

/* ---- calling ---- */

struct reply_sink {
        int (*on_progress)(const struct json *parameters, void *context);
        void *context;
        struct json **ret;
        char **ret_error;
};

static int owned_copy(const struct json *value, struct json **ret)
{
        CLEANUP(freep) char *text = NULL;
        int r = json_to_text(value, &text);

        return r < 0 ? r : json_parse(text, strlen(text), ret, NULL);
}

/* The sentence of an error: our own errors carry a message, the standard ones a name. */
static int fail_remotely(const struct varlink_reply *reply, char **ret_error, struct diag *diag)
{
        static const char *const members[] = {"message", "method", "interface", "parameter",
                                              "run_id"};
        const char *text = NULL;
        char *error;

        for (size_t i = 0; !text && i < ELEMENTSOF(members); i++)
                text = json_get_string(reply->parameters, members[i]);
        if (text && strcmp(text, json_get_string(reply->parameters, "message") ?: "") == 0)
                (void)diag_fail(diag, -EREMOTEIO, "%s", text);
        else
                (void)diag_fail(diag, -EREMOTEIO, "%s%s%s", reply->error, text ? ": " : "",
                                text ?: "");
        if (!ret_error)
                return -EREMOTEIO;
        error = strdup(reply->error);
        if (!error)
                return -ENOMEM;
        *ret_error = error;
        return -EREMOTEIO;
}

/* 1: more replies follow, 0: that was the last. */
static int take_reply(const struct json *message, const struct reply_sink *sink, struct diag *diag)
{
        struct varlink_reply reply;
        int r = varlink_read_reply(message, &reply, diag);

        if (r < 0)
                return r;
        if (reply.error && sink->ret && sink->ret_error && reply.parameters) {
                r = owned_copy(reply.parameters, sink->ret);
                if (r < 0)
                        return r;
        }
        if (reply.error)
                return fail_remotely(&reply, sink->ret_error, diag);
        if (reply.continues && !sink->on_progress)
                return diag_fail(diag, -EBADMSG, "more replies than were asked for");
        if (reply.continues) {
                r = sink->on_progress(reply.parameters, sink->context);
                return r < 0 ? r : 1;
        }
        if (!sink->ret)
                return 0;
        if (!reply.parameters) {
                *sink->ret = NULL;
                return 0;
        }
        return owned_copy(reply.parameters, sink->ret);
}

int connection_call(struct connection *connection, const char *method, const char *parameters,
                    uint64_t timeout_usec,
                    int (*on_progress)(const struct json *parameters, void *context), void *context,
                    struct json **ret, char **ret_error, struct diag *diag)
{
        CLEANUP(freep) char *call = varlink_call_text(method, parameters, on_progress != NULL);
        const struct reply_sink sink = {
            .on_progress = on_progress, .context = context, .ret = ret, .ret_error = ret_error};
        int r;

        if (!call)
                return diag_fail(diag, -ENOMEM, "out of memory");
        r = connection_send(connection, call, timeout_usec, diag);
        if (r < 0)
                return r;
        do {
                CLEANUP(json_freep) struct json *message = NULL;

                r = connection_receive(connection, timeout_usec, &message, diag);
                if (r < 0)
                        return r;
                r = take_reply(message, &sink, diag);
        } while (r > 0);
        return r;
}

/* ---- the peer ---- */

int connection_peer(const struct connection *connection, uid_t *ret_uid, pid_t *ret_pid,
                    struct diag *diag)
{
        struct peer peer;
        int r = peer_of(connection->fd, &peer);

        if (r < 0)
                return diag_fail(diag, r, "cannot tell who is at the other end");
        *ret_uid = peer.uid;
        *ret_pid = peer.pid;
        return 0;
}

bool connection_peer_in_group(const struct connection *connection, gid_t gid)
{
        return peer_in_group(connection->fd, gid);
}
