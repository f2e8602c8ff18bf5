/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which policy and which system a read-only command looks at. */

#include "base/diag.h"
#include "ctl/ctl.h"
#include "ctl/feed_view.h"
#include "host/judge.h"

/* --policy FILE; else this node's: what its configuration names by file, the shipped default, or
 * the last one it accepted over the network. Says which it lacks. */
int source_policy(const struct ctl *ctl, const struct config *config, struct policy **ret,
                  struct diag *diag) MUST_CHECK;

/* Everything a read-only judgement needs; the members outlive the judgement. */
struct subject {
        struct config *config; /* NULL in a foreign root */
        struct policy *policy;
        struct root root;
        struct feeds_found feeds;      /* that the policy names for it */
        struct advisories *advisories; /* of the policy's feeds; NULL: none, or one is lacking */
        struct judgement *judgement;
};
void subject_done(struct subject *subject);
/* wanted: a package name that is looked for in the indexes though nothing needs it; or NULL. */
int subject_judge(const struct ctl *ctl, const char *wanted, struct subject *ret,
                  struct diag *diag) MUST_CHECK;
