/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The end of a run: what still uses old files, whether the node needs a reboot, and whether the run
 * is followed by one. What is found stands in the outcome; a reboot that is due is armed. */

#include "apply/run/run.h"

/* What can't be found out stays open. Before record_finish(). */
int reboot_need_judge(struct run *run) MUST_CHECK;

/* The same for an operation whose action is a reboot: it needs no other reason. */
int reboot_need_operation(struct run *run) MUST_CHECK;
