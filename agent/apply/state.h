/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Writing the helper's state (host/apply_state.h reads it). Everything is on disk, fsynced, before
 * it counts; what can't be written changes nothing.
 */

#include "base/diag.h"
#include "base/json.h"
#include "host/apply_state.h"
#include "host/backends/backend.h"
#include "host/config.h"

#include <sys/types.h>

/* Makes the folders below paths->apply_state with their owners and modes. */
int state_prepare(const struct paths *paths, struct diag *diag) MUST_CHECK;

/* The path of a file there; the caller frees, NULL when out of memory. */
char *state_path(const struct paths *paths, const char *name);

/* Only one call that changes something runs at a time. */
struct run_lock {
        int fd;
};
void run_lock_done(struct run_lock *lock);
struct lock_holder {
        char *run_id; /* "" when it could not be read */
        time_t since;
};
void lock_holder_done(struct lock_holder *holder);
/* -EBUSY: another has it, and holder says who. */
int run_lock_take(const struct paths *paths, const char *run_id, time_t now, struct run_lock *ret,
                  struct lock_holder *holder, struct diag *diag) MUST_CHECK;
/* Who has it now; holder->run_id is NULL when nobody has. */
int run_lock_look(const struct paths *paths, struct lock_holder *holder,
                  struct diag *diag) MUST_CHECK;

/* An open run: its outcome as planned. */
int state_write_intent(const struct paths *paths, const struct outcome *outcome,
                       struct diag *diag) MUST_CHECK;
/* The names of open intents' runs, and one of them. */
int state_intents(const struct paths *paths, struct strv *ret, struct diag *diag) MUST_CHECK;
int state_read_intent(const struct paths *paths, const char *run_id, struct outcome **ret,
                      struct diag *diag) MUST_CHECK;
int state_remove_intent(const struct paths *paths, const char *run_id,
                        struct diag *diag) MUST_CHECK;

/* Writes a finished run and removes the oldest of its kind beyond what is kept of it. */
int state_write_outcome(const struct paths *paths, const struct outcome *outcome,
                        struct diag *diag) MUST_CHECK;

int state_write_pause(const struct paths *paths, time_t now, time_t until, uid_t by,
                      struct diag *diag) MUST_CHECK;
int state_remove_pause(const struct paths *paths, struct diag *diag) MUST_CHECK;

/* Stamps the repositories that are fresh, and forgets those that are no longer configured. */
int state_write_stamps(const struct paths *paths, const struct backend_refresh *refresh, time_t now,
                       struct diag *diag) MUST_CHECK;

int state_append_ledger(const struct paths *paths, const struct inventory *inventory,
                        struct diag *diag) MUST_CHECK;

/* A small JSON file of the helper; *ret NULL when it is not there or damaged. */
int state_read_json(const struct paths *paths, const char *name, struct json **ret) MUST_CHECK;
/* Writes one, readable for everybody. */
int state_write_text(const struct paths *paths, const char *name, const char *text,
                     struct diag *diag) MUST_CHECK;

/* What the package manager keeps back, known for this policy and these indexes. */
int state_write_kept_back(const struct paths *paths, const char *policy_digest,
                          const struct inventory *inventory, const struct package_note *notes,
                          size_t n_notes, struct diag *diag) MUST_CHECK;
int state_remove_kept_back(const struct paths *paths, struct diag *diag) MUST_CHECK;
