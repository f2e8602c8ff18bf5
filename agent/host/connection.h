/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One blocking Varlink connection over a stream socket, client or server side. Framing and messages
 * are wire/varlink.h; here are the descriptor, the deadline and the peer.
 */

#include "base/diag.h"
#include "wire/varlink.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct connection;

int connection_open(const char *socket_path, struct connection **ret, struct diag *diag) MUST_CHECK;
/* Takes over fd (an accepted socket, such as fd 3 of an Accept=yes unit), also when it fails. */
int connection_adopt(int fd, struct connection **ret, struct diag *diag) MUST_CHECK;
void connection_free(struct connection *connection);
DEFINE_CLEANUP(struct connection, connection_free);

/* Takes no message beyond these from the peer; before the first is received. */
void connection_limit(struct connection *connection, size_t max_bytes, size_t max_values);

/* From now on waiting ends with -EINTR when a signal comes that mask lets through. The caller keeps
 * it blocked elsewhere, has a handler for it, and keeps the mask. */
void connection_interrupt_by(struct connection *connection, const sigset_t *mask);

/* Sends one message (0 timeout: for ever). -ETIMEDOUT, -EPIPE, ... */
int connection_send(struct connection *connection, const char *message, uint64_t timeout_usec,
                    struct diag *diag) MUST_CHECK;

/* Waits for the next message (0 timeout: for ever). -ECONNRESET when the peer closed between
 * messages, -EBADMSG for a broken or too long one, -ETIMEDOUT. */
int connection_receive(struct connection *connection, uint64_t timeout_usec, struct json **ret,
                       struct diag *diag) MUST_CHECK;

/*
 * Client: calls a method and gives the parameters of its reply (owned; NULL when there are none).
 * With on_progress, asks for `more` and hands every intermediate reply's parameters to it. An error
 * reply is -EREMOTEIO with its sentence in diag and its name in *ret_error (owned, may be NULL);
 * with ret_error its parameters are given too. timeout_usec is for the sending and for each reply.
 * A negative result of on_progress ends the call with it; close the connection then. ret may be
 * NULL.
 */
int connection_call(struct connection *connection, const char *method, const char *parameters,
                    uint64_t timeout_usec,
                    int (*on_progress)(const struct json *parameters, void *context), void *context,
                    struct json **ret, char **ret_error, struct diag *diag) MUST_CHECK;

/* Who is at the other end, by SO_PEERCRED and SO_PEERGROUPS. */
int connection_peer(const struct connection *connection, uid_t *ret_uid, pid_t *ret_pid,
                    struct diag *diag) MUST_CHECK;
bool connection_peer_in_group(const struct connection *connection, gid_t gid);
