/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/remote.h"

#include "host/connection.h"

enum { ANSWER_TIMEOUT_USEC = 30 * 1000 * 1000 };

static int say_unreachable(const struct remote_call *call, int error, struct diag *diag)
{
        diag_clear(diag);
        if (error == -EACCES || error == -EPERM)
                return diag_fail(diag, error, "%s may do this; ask one of them (%s refused you)",
                                 call->who, call->socket_path);
        if (error == -ENOENT || error == -ECONNREFUSED)
                return diag_fail(
                    diag, error,
                    "nobody answers at %s; is patchd running? 'systemctl status patchd "
                    "patchd-admin.socket' tells, 'patchctl scan' works without",
                    call->socket_path);
        return diag_fail(diag, error, "%s: %s", call->socket_path, diag_text(NULL, error));
}

int remote_ask(const struct remote_call *call, struct json **ret, char **ret_error,
               struct diag *diag)
{
        CLEANUP(connection_freep) struct connection *connection = NULL;
        int r = connection_open(call->socket_path, &connection, diag);

        if (r < 0)
                return say_unreachable(call, r, diag);
        connection_interrupt_by(connection, call->interrupting);
        return connection_call(connection, call->method, call->parameters,
                               call->is_long ? 0 : ANSWER_TIMEOUT_USEC, call->on_progress,
                               call->context, ret, ret_error, diag);
}
