/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the daemon tells about itself in GetStatus. */

#include "base/diag.h"
#include "host/config.h"

#include <time.h>

struct store;

struct daemon_status {
        time_t started_at;
        time_t last_poll_at;          /* the last cycle's end; 0: none yet */
        const char *last_poll_result; /* "ok", "unreachable", "failed"; NULL: none yet */
        time_t next_poll_at;
        bool cycle_running;
        const char *window_name; /* NULL: no window */
        time_t opens_at, closes_at;
        const char *config_error; /* of the last reload that was refused; NULL: none */
        const char *last_error;   /* of the last cycle; NULL: none */
};

/* {"status": {"report": ..., "daemon": ...}}, the parameters of the reply; the caller frees. store
 * may be NULL: no report yet. */
int status_text(const struct daemon_status *status, const struct paths *paths, struct store *store,
                time_t now, char **ret, struct diag *diag) MUST_CHECK;
