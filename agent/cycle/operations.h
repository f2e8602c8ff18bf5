/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One-time operations of the policy that this node has yet to do. Which are done is the helper's
 * record; it does each once, whoever asks. */

#include "host/config.h"
#include "policy/assignment.h"

enum { OPERATIONS_DONE_MAX_BYTES = 4 * 1024 * 1024 };

struct operations_due {
        bool in_window; /* one waits for the window */
        bool at_once;   /* one ignores the window */
};

/* Operations that need the helper: apply and reboot, for this node, not expired, not done. Returns
 * a negative errno when the record of done ones can't be read: nothing is due then. */
int operations_find(const struct paths *paths, const struct policy *policy, const struct node *node,
                    time_t now, struct operations_due *ret, struct diag *diag) MUST_CHECK;
