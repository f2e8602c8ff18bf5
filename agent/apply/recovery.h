/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What an interrupted run left: repaired, told apart package by package from the package database,
 * and written down as an outcome `interrupted`. Called with the lock held, so that no run of ours
 * is alive.
 */

#include "apply/packages/installer.h"

/* Does nothing when there is no open intent. */
int recovery_run(struct service *service, time_t now, struct diag *diag) MUST_CHECK;
