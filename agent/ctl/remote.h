/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Asking the daemon or the root helper: connect, call, and say who may when it is refused. */

#include "base/diag.h"
#include "base/json.h"
#include "ctl/ctl.h"

#include <signal.h>

struct remote_call {
        const char *socket_path;
        const char *method;     /* "org.patchd.agent.GetStatus" */
        const char *parameters; /* JSON text of an object; NULL: none */
        const char *who;        /* who may, for the sentence of a refusal */
        bool is_long;           /* a run: no deadline, with progress */
        int (*on_progress)(const struct json *parameters, void *context);
        void *context;
        const sigset_t *interrupting; /* connection_interrupt_by(); NULL: none */
};

/* Gives the reply's parameters (owned; NULL when there are none). An error reply is -EREMOTEIO with
 * its name in *ret_error (owned) and its parameters' sentence in diag. */
int remote_ask(const struct remote_call *call, struct json **ret, char **ret_error,
               struct diag *diag) MUST_CHECK;
