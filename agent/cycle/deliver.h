/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The spool of reports towards the control endpoint: oldest first, each once, none lost while the
 * endpoint is away. A report that the endpoint will never take (400, 413, 422) is dropped and said;
 * any other trouble keeps it and what comes after it.
 */

#include "cycle/transport.h"
#include "host/config.h"
#include "host/store.h"

enum { DELIVER_MAX_PER_CYCLE = 200 };

/* Borrowed. */
struct delivery {
        const struct config *config; /* with a report_url */
        struct store *store;
        struct transport *transport;
        const char *node_id;
        const char *policy_id; /* NULL: none configured */
};

struct delivered {
        size_t n_delivered, n_dropped;
        int64_t retry_after_seconds; /* 0: not said */
        char *error;                 /* why it stopped; NULL: the spool is empty */
};
void delivered_done(struct delivered *delivered);

/* Returns -ENOMEM or what the store said; trouble with the endpoint is in *ret. */
int deliver_spool(const struct delivery *delivery, struct delivered *ret,
                  struct diag *diag) MUST_CHECK;
