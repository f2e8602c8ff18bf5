/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Asks for one cycle (org.patchd.cycle.Run on cycle.sock) without blocking: progress and the end
 * arrive through the event loop. One client is one cycle; the owner frees it, also from
 * on_finished.
 */

#include "base/diag.h"
#include "daemon/schedule.h"
#include "report/progress.h"

#include <systemd/sd-event.h>

struct client;

/* How it ended; borrowed for the call. */
struct client_result {
        bool reachable; /* the control endpoint */
        int64_t retry_after_sec;
        const char *status;      /* of the node; NULL: not known */
        const char *window_name; /* NULL: none */
        time_t opens_at, closes_at;
        int64_t policy_version; /* 0: none */
        const char *error;      /* one sentence; NULL: none */
        bool has_result;        /* false: the cycle broke off, only error is set */
};

struct client_events {
        void (*on_progress)(const struct progress *progress, void *context);
        void (*on_finished)(const struct client_result *result, void *context);
        void *context;
};

/* Connects and sends. Afterwards on_finished comes exactly once, unless the client is freed first.
 * -ENOENT, -ECONNREFUSED, ...: nobody listens. */
int client_start(sd_event *event, const char *socket_path, enum trigger trigger,
                 const struct client_events *events, struct client **ret,
                 struct diag *diag) MUST_CHECK;
void client_free(struct client *client);
DEFINE_CLEANUP(struct client, client_free);
