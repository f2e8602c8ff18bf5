/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemon: waits for the next due moment, has one cycle run at a time, remembers how it ended,
 * and answers who asks. It does no patching, has no network, and changes nothing but its socket.
 */

#include "base/diag.h"
#include "daemon/status.h"
#include "host/config.h"

struct manager;

/* Binds agent.sock, or takes over listen_fd (socket activation) unless negative. A configuration
 * that can't be read is told in GetStatus and never a reason not to start. paths is borrowed. */
int manager_new(const struct paths *paths, int listen_fd, struct manager **ret,
                struct diag *diag) MUST_CHECK;
void manager_free(struct manager *manager);
DEFINE_CLEANUP(struct manager, manager_free);

/* Until SIGTERM or SIGINT: 0. */
int manager_run(struct manager *manager, struct diag *diag) MUST_CHECK;

/* ---- for methods.c ---- */

const struct paths *manager_paths(const struct manager *manager);
struct daemon_status manager_status(const struct manager *manager); /* texts are borrowed */
/* The parameters of Watch's reply, of the running cycle; the caller frees. NULL: none runs (or no
 * memory). */
char *manager_progress(const struct manager *manager);
