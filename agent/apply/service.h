/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One connection to the helper: who is at the other end, where everything lives, and the answers
 * that go back. A client that went away never stops the work: sending then does nothing.
 */

#include "apply/progress_file.h"
#include "base/diag.h"
#include "host/config.h"
#include "host/connection.h"

#include <stdbool.h>
#include <sys/types.h>

enum service_socket { SERVICE_SOCKET_APPLY = 1, SERVICE_SOCKET_ADMIN = 2 };

struct service {
        const struct paths *paths;
        struct connection *connection;
        enum service_socket socket;
        uid_t peer_uid;
        bool more;           /* this call wants progress */
        bool client_is_gone; /* nothing is sent any more */
        struct rebooting
            *rebooting; /* what a run left to be done after its answer; NULL: nothing */

        /* Where the work in hand is. */
        struct progress now; /* its state is a literal, its texts count only while they are told */
        struct progress_meter meter;
        struct progress_file file;
};

/* Whether SIGTERM came: finish what is in hand, start nothing new. */
bool service_should_stop(void);
void service_catch_signals(void);

/* Sends a whole message; a client that does not take it is given up. */
void service_send(struct service *service, const char *message);

/* ---- progress: to the client, if its call asked for more, and to the progress file ---- */

/* Under the run lock: from here others can follow, until the end. run_id and trigger are copied. */
void service_begin_work(struct service *service, const char *run_id, const char *trigger,
                        time_t now);
void service_end_work(struct service *service);

/* The part from..to of PROGRESS_WHOLE begins, and is in no step yet. Without one there is no
 * percent. */
void service_enter(struct service *service, int64_t from, int64_t to);

/* The work is in this state now. state is a literal. */
void service_progress(struct service *service, const char *state, const char *text);

/* What happens in this state: text, package and bytes count; done of total of the part in hand is
 * reached. A state other than "" is for this once. */
void service_tell(struct service *service, const struct progress *work, int64_t done,
                  int64_t total);

/* Owned texts of error replies of org.patchd.apply, NULL when out of memory. */
char *answer_error(const char *error, const char *message); /* "PermissionDenied", "Failed", ... */
char *answer_already_running(const char *run_id, time_t since);
char *answer_window_closed(time_t opens_at); /* 0: it never opens */
char *answer_policy_refused(const char *refusal, const char *message);
char *answer_policy_expired(void);
char *answer_paused(time_t until); /* 0: until resumed */
