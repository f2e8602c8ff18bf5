/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * agent.sock: takes connections, bounds their number and who may ask. Root, the daemon's own user
 * and members of its own group are let in (SO_PEERCRED, SO_PEERGROUPS), whatever the socket's mode
 * says.
 */

#include "base/diag.h"
#include "wire/varlink.h"

#include <systemd/sd-event.h>

enum {
        SERVER_CONNECTIONS_MAX = 64,
        SERVER_CONNECTIONS_FOR_ROOT = 16,          /* of these, kept free for root */
        SERVER_QUEUE_MAX_BYTES = 16 * 1024 * 1024, /* replies not yet taken, of all */
};

struct server;

/* Gives the reply (owned), or NULL when out of memory; see session.h. */
typedef char *(*server_call_fn)(const struct varlink_call *call, bool *ret_watching, void *context);

/* Makes the socket file (mode 0660), replacing what an earlier life left there. */
int server_bind(const char *socket_path, int *ret_fd, struct diag *diag) MUST_CHECK;

/* Takes over listen_fd, also when it fails. */
int server_new(sd_event *event, int listen_fd, server_call_fn on_call, void *context,
               struct server **ret, struct diag *diag) MUST_CHECK;
void server_free(struct server *server);
DEFINE_CLEANUP(struct server, server_free);

/* Sends a reply to everyone who watches; is_last ends the watching. */
void server_notify(struct server *server, const char *reply, bool is_last);
bool server_has_watchers(const struct server *server);
