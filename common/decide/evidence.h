/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* When a version was released, as far as there is evidence, and how we know. */

#include "decide/ledger.h"
#include "packages/advisory.h"
#include "packages/inventory.h"
#include "policy/policy.h"

struct evidence {
        time_t released_at;      /* 0: unknown */
        enum date_source source; /* only when released_at is known */
        bool is_future;     /* there is a date, but after now: unknown, and nothing to approve on */
        bool needs_archive; /* build was asked, but nobody has read the archive yet; as long as
                               released_at is unknown too there is nothing to approve on */
        bool is_whole_days; /* counts from the end of nothing finer than a day (UTC) */
        char *text;         /* the source in words, and why better ones did not apply */
};
void evidence_done(struct evidence *evidence);

struct evidence_sources {
        const struct inventory *inventory;   /* whose versions are asked about */
        const struct ledger *ledger;         /* may be NULL */
        const struct advisories *advisories; /* may be NULL */
        time_t now;                          /* a date after it is unknown */
};

/*
 * Asks the sources in the baseline's order until one has a date. A date after now ends it too: what
 * a later source says would be forgotten once that date has come, and an approval with it. Returns
 * -ENOMEM.
 */
int evidence_for(const struct baseline *baseline, const struct evidence_sources *sources,
                 const struct package *package, const struct available *available,
                 struct evidence *ret) MUST_CHECK;
