/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FleetLock around a reboot, where fleet_lock_url is configured. This helper has no network code:
 * patchd-cycle asks the server, run as user patchd, and only its exit code is believed. That the
 * lock may be ours is on disk before it is asked for, so that it is given back whatever happens.
 */

#include "apply/service.h"

/* *ret_obstacle (owned): why not now; NULL: granted, or none is configured. */
int reboot_lock_take(const struct paths *paths, char **ret_obstacle, struct diag *diag) MUST_CHECK;

/* Gives it back when it may be held. -EAGAIN: the server did not take it, to be tried again. */
int reboot_lock_release(const struct paths *paths, struct diag *diag) MUST_CHECK;
