/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The client of FleetLock, the reboot lock of Zincati and airlock: POST <url>/v1/pre-reboot asks
 * for a slot, POST <url>/v1/steady-state gives it back; both may be repeated. The root helper runs
 * it as `patchd-cycle --fleet-lock ACTION`, without privileges, and believes its exit code.
 */

#include "base/diag.h"
#include "cycle/transport.h"
#include "host/config.h"

enum fleet_lock_action { FLEET_LOCK_PRE_REBOOT, FLEET_LOCK_STEADY_STATE };
extern const struct enum_table fleet_lock_action_names;

enum { FLEET_LOCK_ANSWER_MAX_BYTES = 64 * 1024 };

/* 0: granted. -EBUSY: the server says no, in its own words; others: as transport_post(). */
int fleet_lock_ask(const struct config *config, const char *node_id, enum fleet_lock_action action,
                   const struct transport_limits *limits, struct diag *diag) MUST_CHECK;

/* The body of a request: {"client_params":{"id":...,"group":...}}. Owned; -ENOMEM. */
int fleet_lock_body(const char *node_id, const char *group, char **ret) MUST_CHECK;

/* What the server answered, {"kind","value"}, for people: printable, one line. Owned; NULL: no
 * memory. */
char *fleet_lock_reason(const char *answer, size_t size);
