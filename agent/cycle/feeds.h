/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The feeds of a policy, over the network: manifests with their ETags, files only when their digest
 * is not there yet. Verifying and keeping them is host/feed_set.h's part. Feed hosts are given no
 * token, since they are not the control endpoint (cycle/transport.h sees to that).
 */

#include "cycle/transport.h"
#include "host/config.h"
#include "host/feed_set.h"
#include "host/store.h"

/* Borrowed. */
struct feeds_request {
        const struct paths *paths;
        struct store *store;
        struct transport *transport;
        const struct node *node;
        time_t now;
        bool may_wait; /* who failed is left alone for a while (cycle/feed_wait.h) */
};

/* Trouble with a feed is in its item. Returns -ENOMEM. */
int feeds_gather(const struct feeds_request *request, const struct policy *policy,
                 struct feed_set *ret) MUST_CHECK;

/* Makes the gathered feeds of the policy in use count and says what is new of them, once per
 * change. Returns -ENOMEM. */
int feeds_use(const struct feeds_request *request, struct feed_set *set) MUST_CHECK;

/* Removes what they do not need; what can't be removed is logged. Returns -ENOMEM. */
int feeds_sweep(const struct feed_set *set) MUST_CHECK;

/* The first trouble as one sentence; NULL: none. */
const char *feeds_trouble(const struct feed_set *set);
