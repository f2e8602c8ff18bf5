/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/client.h"

#include "base/str.h"
#include "wire/varlink.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { REPLY_MAX_BYTES = 256 * 1024, READ_CHUNK_BYTES = 4096 };

/* A cycle is ended by its unit's RuntimeMaxSec; this is for a unit without. */
#define CYCLE_MAX_USEC          ((uint64_t)26 * 3600 * 1000000)
#define CYCLE_MAX_ACCURACY_USEC ((uint64_t)60 * 1000000)

struct client {
        int fd;
        sd_event_source *io, *timeout;
        struct varlink_buffer input;
        struct client_events events;
};

void client_free(struct client *client)
{
        if (!client)
                return;
        (void)sd_event_source_disable_unref(client->io);
        (void)sd_event_source_disable_unref(client->timeout);
        varlink_buffer_done(&client->input);
        closep(&client->fd);
        free(client);
}

/* ---- the end ---- */

/* The client may be gone afterwards. */
static void finish(struct client *client, const struct client_result *result)
{
        (void)sd_event_source_set_enabled(client->io, SD_EVENT_OFF);
        (void)sd_event_source_set_enabled(client->timeout, SD_EVENT_OFF);
        client->events.on_finished(result, client->events.context);
}

static void break_off(struct client *client, const char *error)
{
        finish(client, &(struct client_result){.error = error});
}

static void finish_with_result(struct client *client, const struct json *parameters)
{
        const struct json *result = json_get(parameters, "result");
        const struct json *window = json_get(result, "window");
        int64_t poll_after_sec = json_get_int(parameters, "next_poll_after_seconds", 0);
        int64_t retry_after_sec = json_get_int(result, "retry_after_seconds", 0);

        if (!json_is_object(result)) {
                break_off(client, "the cycle ended without a result");
                return;
        }
        finish(client, &(struct client_result){
                           .has_result = true,
                           .reachable = json_get_bool(result, "reachable", false),
                           .retry_after_sec =
                               poll_after_sec > retry_after_sec ? poll_after_sec : retry_after_sec,
                           .status = json_get_string(result, "status"),
                           .window_name = json_get_string(window, "name"),
                           .opens_at = json_get_time(window, "opens_at"),
                           .closes_at = json_get_time(window, "closes_at"),
                           .policy_version = json_get_int(result, "policy_version", 0),
                           .error = json_get_string(result, "error"),
                       });
}

static void finish_with_error(struct client *client, const struct varlink_reply *reply)
{
        const char *message = json_get_string(reply->parameters, "message");
        CLEANUP(freep) char *text = str_format("the cycle failed: %s", message ?: reply->error);

        break_off(client, text ?: "the cycle failed");
}

/* ---- replies ---- */

/* 1: the cycle goes on; 0: it has ended and the client may be gone. */
static int take_message(struct client *client, const struct json *message)
{
        struct varlink_reply reply = {0};
        struct progress progress;
        struct diag diag = {0};

        if (varlink_read_reply(message, &reply, &diag) < 0) {
                break_off(client, diag_text(&diag, -EBADMSG));
                return 0;
        }
        if (reply.error) {
                finish_with_error(client, &reply);
                return 0;
        }
        if (!reply.continues) {
                finish_with_result(client, reply.parameters);
                return 0;
        }
        progress = progress_read(reply.parameters);
        client->events.on_progress(&progress, client->events.context);
        return 1;
}

static void take_messages(struct client *client)
{
        int r;

        do {
                CLEANUP(json_freep) struct json *message = NULL;
                struct diag diag = {0};

                r = varlink_buffer_next(&client->input, &message, &diag);
                if (r < 0)
                        break_off(client, diag_text(&diag, r));
                else if (r > 0)
                        r = take_message(client, message);
        } while (r > 0);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct client *client = userdata;
        struct diag diag = {0};
        char bytes[READ_CHUNK_BYTES];
        ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

        (void)source;
        (void)events;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0)
                break_off(client, "the cycle broke off; see its journal (patchd-cycle@)");
        else if (varlink_buffer_add(&client->input, bytes, (size_t)n, &diag) < 0)
                break_off(client, diag_text(&diag, -EMSGSIZE));
        else
                take_messages(client);
        return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source;
        (void)usec;
        break_off(userdata, "the cycle did not end in 26 hours");
        return 0;
}

/* ---- starting ---- */

static int connect_to(int fd, const char *socket_path, struct diag *diag)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        if (strlen(socket_path) >= sizeof(address.sun_path))
                return diag_fail(diag, -ENAMETOOLONG, "%s: too long for a socket", socket_path);
        memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return diag_fail(diag, -errno, "%s: cannot connect: %m", socket_path);
        return 0;
}

/* The call is some hundred bytes: a fresh socket takes it whole. */
static int send_call(int fd, enum trigger trigger, struct diag *diag)
{
        CLEANUP(freep)
        char *parameters =
            str_format("{\"trigger\":\"%s\"}", enum_name(&trigger_names, (int)trigger));
        CLEANUP(freep) char *call = NULL;
        ssize_t n;

        if (!parameters)
                return -ENOMEM;
        call = varlink_call_text("org.patchd.cycle.Run", parameters, true);
        if (!call)
                return -ENOMEM;
        n = send(fd, call, strlen(call) + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
                return diag_fail(diag, -errno, "cannot ask for a cycle: %m");
        if ((size_t)n != strlen(call) + 1)
                return diag_fail(diag, -EPIPE, "cannot ask for a cycle: its socket is full");
        return 0;
}

static int watch(struct client *client, sd_event *event, struct diag *diag)
{
        int r;

        r = sd_event_add_io(event, &client->io, client->fd, EPOLLIN, on_readable, client);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &client->timeout, CLOCK_MONOTONIC,
                                               CYCLE_MAX_USEC, CYCLE_MAX_ACCURACY_USEC, on_timeout,
                                               client);
        return r < 0 ? diag_fail(diag, r, "cannot watch the cycle: %s", strerror(-r)) : 0;
}

int client_start(sd_event *event, const char *socket_path, enum trigger trigger,
                 const struct client_events *events, struct client **ret, struct diag *diag)
{
        CLEANUP(client_freep) struct client *client = calloc(1, sizeof(*client));
        int r;

        if (!client)
                return -ENOMEM;
        client->events = *events;
        client->input.max_bytes = REPLY_MAX_BYTES;
        client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (client->fd < 0)
                return diag_fail(diag, -errno, "cannot make a socket: %m");
        r = connect_to(client->fd, socket_path, diag);
        if (r < 0)
                return r;
        r = send_call(client->fd, trigger, diag);
        if (r < 0)
                return r;
        r = watch(client, event, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(client);
        return 0;
}
