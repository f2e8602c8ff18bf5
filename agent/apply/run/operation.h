/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A run that carries out one operation of the policy. The request names nothing but its id: action,
 * nodes, packages and window are those of the policy that this helper verified. An id is on disk
 * before anything is done, and is never begun again; who asks again is given what became of it.
 */

#include "apply/run/run.h"

/* Owned: "operation:ID". NULL when out of memory. */
char *operation_trigger(const char *id);

/* An id that was begun before: run->answer is its outcome. */
int operation_attach(struct run *run, struct diag *diag) MUST_CHECK;

/* Finds the operation in run->policy and takes over what it says: run->operation. Not there, not
 * for this node or expired: run->answer says so. Needs run->outcome. */
int operation_admit(struct run *run, time_t now) MUST_CHECK;

/* Narrows the plan to the operation's packages; the array in *ret_notes is the caller's to free,
 * its members are borrowed. */
int operation_narrow(const struct run *run, struct plan_request *request,
                     struct package_note **ret_notes) MUST_CHECK;

/* Before anything is changed, and at its end. Both do nothing in a run that is no operation. */
int operation_begin(const struct run *run, struct diag *diag) MUST_CHECK;
int operation_end(const struct run *run, struct diag *diag) MUST_CHECK;

/* Operations that change no package. A scan is the caller's to make; it is noted here alone. */
int operation_do_scan(struct run *run, struct diag *diag) MUST_CHECK;
int operation_do_reboot(struct run *run, struct diag *diag) MUST_CHECK;
