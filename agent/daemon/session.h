/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One connection to agent.sock: reads calls, answers them in order, streams progress to those who
 * watch. A peer that is slow, silent, or talks nonsense loses its connection and nothing else.
 */

#include "base/diag.h"
#include "wire/varlink.h"

#include <systemd/sd-event.h>

enum {
        SESSION_REQUEST_MAX_BYTES = 64 * 1024,
        SESSION_CALLS_PER_TURN = 8, /* then others get theirs */
        SESSION_WATCH_QUEUE_MAX_BYTES = 256 * 1024,
        SESSION_TIMEOUT_SEC = 30, /* to send a whole request, to take a whole reply */
};

struct session;

struct session_events {
        /* Gives the reply (owned), or NULL when out of memory. *ret_watching: the reply is one of
         * many, more come by session_notify(). */
        char *(*on_call)(const struct varlink_call *call, bool *ret_watching, void *context);
        /* The session is over and wants to be freed. */
        void (*on_closed)(struct session *session, void *context);
        void *context;
};

/* Takes over fd. is_allowed false: every call is answered with PermissionDenied. */
int session_new(sd_event *event, int fd, bool is_allowed, const struct session_events *events,
                struct session **ret) MUST_CHECK;
void session_free(struct session *session);
DEFINE_CLEANUP(struct session, session_free);

bool session_is_watching(const struct session *session);

/* Sends one more reply to a watching session; is_last ends the watching. May close the session,
 * which on_closed tells later, from the event loop. */
void session_notify(struct session *session, const char *reply, bool is_last);

/* Forgets what was to be sent and closes, which on_closed tells later, from the event loop. */
void session_abort(struct session *session);

/* Bytes of replies that the peer has not taken yet. */
size_t session_queued_bytes(const struct session *session);
