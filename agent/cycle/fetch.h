/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which policy counts now: asks the control endpoint, verifies what came, keeps it, and falls back
 * on the last good one. A new policy counts from when its feeds are there; until then the last one
 * stays, with its own, as long as neither has expired. Every change of that is an event. What came
 * is verified by envelope_open() alone; what is kept is verified again at each start, against the
 * keys of that moment.
 */

#include "base/blob.h"
#include "cycle/feeds.h"
#include "cycle/transport.h"
#include "host/config.h"
#include "host/store.h"
#include "policy/envelope.h"

#include <stdbool.h>
#include <time.h>

/* Borrowed. */
struct fetch_request {
        const struct paths *paths;
        const struct config *config;
        const struct keyring *keys;
        struct zone_loader zones;
        struct store *store;
        struct transport *transport;
        const struct node *node;
        time_t now;
        bool may_wait; /* feeds that failed are left alone for a while */
};

struct fetched {
        struct policy *policy; /* NULL: none is usable */
        struct feed_set feeds; /* of policy */
        struct blob envelope;  /* as it came; empty: the helper finds it as we did, in a file */
        bool is_waiting;       /* there is a newer policy, but not all of its feeds */
        bool is_reachable;     /* the endpoint answered as it should */
        int64_t retry_after_seconds; /* 0: not said */
        char *error;                 /* what is wrong: one sentence; NULL: nothing */
};
void fetched_done(struct fetched *fetched);

/* Trouble with the policy is in *ret, not an error. Returns -ENOMEM, or what the store said when
 * the last good policy can't even be looked for. */
int fetch_policy(const struct fetch_request *request, struct fetched *ret,
                 struct diag *diag) MUST_CHECK;
