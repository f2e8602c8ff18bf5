/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The ledger of first sightings: for each version, the Date of the first signed index in which this
 * host saw it. An upper bound of the release: late, never early. Kept by patchd-apply at every
 * Refresh as one JSON object a line, appended and fsynced.
 */

#include "base/diag.h"
#include "base/strv.h"
#include "packages/inventory.h"

enum { LEDGER_SIZE_MAX_BYTES = 64 * 1024 * 1024 };

struct ledger;

/* Reads a ledger. A last line that was cut short (power loss) is left out and said in *ret_damaged
 * (owned, NULL when all is well); so is any other line that is not an entry. Text may be empty. */
int ledger_parse(const char *text, size_t size, struct ledger **ret, char **ret_damaged,
                 struct diag *diag) MUST_CHECK;
void ledger_free(struct ledger *ledger);
DEFINE_CLEANUP(struct ledger, ledger_free);

/* The lines of a damaged ledger that are entries, each with its line break; the caller frees.
 * Returns -ENOMEM. */
int ledger_mend(const char *text, size_t size, char **ret) MUST_CHECK;

/* The Date of the first sighting; 0: never seen. ledger may be NULL. */
time_t ledger_first_seen(const struct ledger *ledger, const char *name, const char *arch,
                         const char *version);

/* The lines to append: every version on offer in inventory that the ledger lacks, with the oldest
 * Date of the signed indexes that have it. Versions in no index with a Date are left out. */
int ledger_new_lines(const struct ledger *ledger, const struct inventory *inventory,
                     struct strv *ret_lines) MUST_CHECK;
