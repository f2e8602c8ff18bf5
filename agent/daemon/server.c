/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/server.h"

#include "daemon/session.h"
#include "host/peer.h"

#include <fcntl.h>
#include <malloc.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { ACCEPTS_PER_TURN = 16, LISTEN_BACKLOG = 128 };

struct server {
        sd_event *event; /* borrowed */
        int fd;
        sd_event_source *io;
        struct session *sessions[SERVER_CONNECTIONS_MAX];
        size_t n_sessions;
        server_call_fn on_call;
        void *context;
};

/* ---- sessions ---- */

/* Those who ask and do not read must not use up the memory: the greediest one goes. */
static void bound_queues(struct server *server)
{
        struct session *greediest = NULL;
        size_t size_bytes = 0;

        for (size_t i = 0; i < server->n_sessions; i++) {
                size_t queued = session_queued_bytes(server->sessions[i]);

                size_bytes += queued;
                if (queued > 0 && (!greediest || queued > session_queued_bytes(greediest)))
                        greediest = server->sessions[i];
        }
        if (size_bytes > SERVER_QUEUE_MAX_BYTES)
                session_abort(greediest);
}

static char *on_session_call(const struct varlink_call *call, bool *ret_watching, void *context)
{
        struct server *server = context;

        bound_queues(server);
        return server->on_call(call, ret_watching, server->context);
}

static void on_session_closed(struct session *session, void *context)
{
        struct server *server = context;

        for (size_t i = 0; i < server->n_sessions; i++)
                if (server->sessions[i] == session)
                        server->sessions[i] = server->sessions[--server->n_sessions];
        session_free(session);
        (void)sd_event_source_set_enabled(server->io, SD_EVENT_ON);
        if (server->n_sessions == 0)
                (void)malloc_trim(0); /* reports are large, and the daemon idles small */
}

static bool is_allowed(int fd, const struct peer *peer)
{
        return peer->uid == 0 || peer->uid == getuid() || peer_in_group(fd, getgid());
}

/* Takes over fd. Beyond the bounds it is just closed: the peer sees that at once. */
static void add_session(struct server *server, int fd)
{
        const struct session_events events = {
            .on_call = on_session_call, .on_closed = on_session_closed, .context = server};
        struct peer peer = {0};
        size_t max = SERVER_CONNECTIONS_MAX;

        if (peer_of(fd, &peer) < 0) {
                closep(&fd);
                return;
        }
        if (peer.uid != 0)
                max -= SERVER_CONNECTIONS_FOR_ROOT;
        if (server->n_sessions >= max) {
                closep(&fd);
                return;
        }
        if (session_new(server->event, fd, is_allowed(fd, &peer), &events,
                        &server->sessions[server->n_sessions]) >= 0)
                server->n_sessions++;
}

static int set_nonblocking(int fd)
{
        int flags = fcntl(fd, F_GETFL);

        return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct server *server = userdata;

        (void)events;
        for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
                int peer_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                if (peer_fd >= 0) {
                        add_session(server, peer_fd);
                        continue;
                }
                if (errno == EAGAIN)
                        break;
                if (errno == EINTR || errno == ECONNABORTED)
                        continue;
                /* Out of descriptors: no spinning; the next connection that closes goes on. */
                if (server->n_sessions > 0)
                        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
                break;
        }
        return 0;
}

/* ---- the server ---- */

int server_bind(const char *socket_path, int *ret_fd, struct diag *diag)
{
        CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        if (fd < 0)
                return diag_fail(diag, -errno, "cannot make a socket: %m");
        if (strlen(socket_path) >= sizeof(address.sun_path))
                return diag_fail(diag, -ENAMETOOLONG, "%s: too long for a socket", socket_path);
        memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
        if (unlink(socket_path) < 0 && errno != ENOENT)
                return diag_fail(diag, -errno, "%s: cannot remove the old socket: %m", socket_path);
        /* Mode 0600 until chmod(): nobody gets in between. */
        if (fchmod(fd, 0600) < 0 ||
            bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return diag_fail(diag, -errno, "%s: cannot make the socket: %m", socket_path);
        if (chmod(socket_path, 0660) < 0 || listen(fd, LISTEN_BACKLOG) < 0)
                return diag_fail(diag, -errno, "%s: cannot listen: %m", socket_path);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int server_new(sd_event *event, int listen_fd, server_call_fn on_call, void *context,
               struct server **ret, struct diag *diag)
{
        CLEANUP(server_freep) struct server *server = calloc(1, sizeof(*server));
        int r;

        if (!server) {
                closep(&listen_fd);
                return -ENOMEM;
        }
        server->event = event;
        server->fd = listen_fd;
        server->on_call = on_call;
        server->context = context;
        r = set_nonblocking(listen_fd); /* a passed one need not be */
        if (r >= 0)
                r = sd_event_add_io(event, &server->io, listen_fd, EPOLLIN, on_connection, server);
        if (r < 0)
                return diag_fail(diag, r, "cannot watch the agent's socket: %s", strerror(-r));
        *ret = TAKE_PTR(server);
        return 0;
}

void server_free(struct server *server)
{
        if (!server)
                return;
        for (size_t i = 0; i < server->n_sessions; i++)
                session_free(server->sessions[i]);
        (void)sd_event_source_disable_unref(server->io);
        closep(&server->fd);
        free(server);
}

void server_notify(struct server *server, const char *reply, bool is_last)
{
        for (size_t i = 0; i < server->n_sessions; i++)
                if (session_is_watching(server->sessions[i]))
                        session_notify(server->sessions[i], reply, is_last);
}

bool server_has_watchers(const struct server *server)
{
        for (size_t i = 0; i < server->n_sessions; i++)
                if (session_is_watching(server->sessions[i]))
                        return true;
        return false;
}
