/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One-time operations of the policy that this node has yet to do. Which are done is the helper's
 * record; it does each once, whoever asks. */

#include "host/config.h"
#include "policy/assignment.h"

struct operations_due {
        const struct operation **items; /* of the policy, in its order; the array is owned */
        size_t n_items;
};
void operations_due_done(struct operations_due *due);

/* Those for this node, not expired, not done. An error, when the record of done ones can't be read,
 * leaves *ret empty: nothing is due then. */
int operations_find(const struct paths *paths, const struct policy *policy, const struct node *node,
                    time_t now, struct operations_due *ret, struct diag *diag) MUST_CHECK;

/* Whether it waits for no window: a scan never does. */
bool operation_is_at_once(const struct operation *operation);

/* The ids of those, joined by a blank; NULL when there are none. The caller frees. */
int operations_at_once(const struct operations_due *due, char **ret) MUST_CHECK;
