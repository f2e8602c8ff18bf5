/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The helper's state (/var/lib/patchd-apply): who reads it and what stands where. Only patchd-apply
 * writes (agent/apply/); the daemon, the cycle and patchctl read. Files:
 *     policy.json           {policy_id, version, digest}: the counter; policy.dsse: those bytes
 *     ledger.jsonl          first sightings (decide/ledger.h)
 *     builds.jsonl          when versions on offer were built (host/build_dates.h)
 *     stamps.json           {repository: time of its last fully successful refresh}
 *     pause.json            {paused_at, until|null, by}
 *     vetoes.json           [{name, arch, version, reason}]
 *     kept-back.json        {policy, indexes, packages: [{name, arch, version, text}]}: what the
 *                           package manager would not take, with its words, and for which policy
 *                           and indexes (digests) that is known
 *     running/progress.json where the work in hand is (host/running.h)
 *     intents/<run>.json    an open run; outcomes/<run>.json: a finished one (report/outcome.h)
 *     done-operations.jsonl, archives/ (private apt cache), kept/ (versions that runs replaced)
 */

#include "base/diag.h"
#include "decide/evaluate.h"
#include "decide/ledger.h"
#include "host/config.h"
#include "report/outcome.h"

/* When and by whom the count of policy versions was last forgotten. */
#define APPLY_STATE_RESET_FILE "policy-reset.json"

/* The outcome of the last run that only fetched. */
#define APPLY_STATE_DOWNLOAD_FILE "download.json"

/* How many outcomes the helper keeps: of runs that changed the machine, and of the others, which
 * the agent can have as often as it likes and which must not push the first ones out. */
enum { APPLY_STATE_CHANGES_MAX = 150, APPLY_STATE_OTHERS_MAX = 50 };

/* Whether the policy of this digest is the one that the helper keeps. */
bool apply_state_keeps_policy(const struct paths *paths, const char *digest);

int apply_state_ledger(const struct paths *paths, struct ledger **ret, char **ret_damaged,
                       struct diag *diag) MUST_CHECK;

/* Lays the helper's refresh stamps over the indexes' refreshed_at. No stamps yet is fine. */
int apply_state_overlay_stamps(const struct paths *paths, struct inventory *inventory,
                               struct diag *diag) MUST_CHECK;

/* Not paused when the file is absent or its time has passed. *ret_until 0: until resumed. */
int apply_state_pause(const struct paths *paths, time_t now, bool *ret_paused, time_t *ret_until,
                      struct diag *diag) MUST_CHECK;

/* The outcomes that are kept, the newest by its start first; one that can't be read is left out.
 * The caller frees each and the array. */
int apply_state_outcomes(const struct paths *paths, struct outcome ***ret, size_t *ret_n,
                         struct diag *diag) MUST_CHECK;

/* The outcome of one finished run. -ENOENT: there is none of this id. */
int apply_state_outcome(const struct paths *paths, const char *run_id, struct outcome **ret,
                        struct diag *diag) MUST_CHECK;

/* Owned notes for evaluate(): what failed last, what was updated in this boot, what runs of this
 * baseline installed, and the vetoes. */
struct apply_facts {
        struct run_facts runs;
        struct package_note *vetoes;
        size_t n_vetoes;
        struct package_note *kept_back; /* behind runs.kept_back */
        size_t n_kept_back;
        struct outcome *last_run;     /* NULL: none yet */
        struct package_note *storage; /* what runs points into */
        size_t n_storage;
};
void apply_facts_done(struct apply_facts *facts);
void apply_facts_forget_kept_back(struct apply_facts *facts);
int apply_state_facts(const struct paths *paths, const char *boot_id, const char *baseline,
                      struct apply_facts *ret, struct diag *diag) MUST_CHECK;

/* Adds what the package manager keeps back, so far as it is known for this policy and these
 * indexes. */
int apply_state_kept_back(const struct paths *paths, const char *policy_digest,
                          const struct inventory *inventory, struct apply_facts *facts,
                          struct diag *diag) MUST_CHECK;
