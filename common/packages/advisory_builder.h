/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Makes struct advisories, one record after the other: cves and fixes of a record first, then the
 * record itself. Each string is kept once. What is out of its limits is an error that the caller
 * can pass on as it is.
 */

#include "base/diag.h"
#include "packages/advisory.h"

enum {
        ADVISORIES_MAX = 1000 * 1000,
        ADVISORY_FIXES_MAX = 4 * 1000 * 1000,
        ADVISORY_CVES_MAX = 4 * 1000 * 1000,
};

struct advisory_builder;
struct advisory_builder *advisory_builder_new(void); /* NULL when out of memory */
void advisory_builder_free(struct advisory_builder *builder);
DEFINE_CLEANUP(struct advisory_builder, advisory_builder_free);

/* From now on records with one id are kept beside each other, whatever they say: several feeds. */
void advisory_builder_keep_doubles(struct advisory_builder *builder);

/* Each adds to the record being made. Returns -E2BIG, -EINVAL (a string that is empty, too long or
 * has blanks or control characters), -ENOMEM. A CVE that is added twice is there once. */
int advisory_builder_add_cve(struct advisory_builder *builder, const char *cve,
                             struct diag *diag) MUST_CHECK;
int advisory_builder_add_fix(struct advisory_builder *builder, const char *package,
                             const struct advisory_fix *fix, struct diag *diag) MUST_CHECK;

/* How many fixes the record being made has. */
size_t advisory_builder_n_fixes(const struct advisory_builder *builder);

/*
 * Ends the record; of `record` the cves are not looked at. One without fixes is dropped. One whose
 * id was there before is dropped when it says the same, and an error (-EEXIST) when not.
 */
int advisory_builder_end(struct advisory_builder *builder, const struct advisory *record,
                         struct diag *diag) MUST_CHECK;

/* Gives all of it and empties the builder. Returns -E2BIG, -ENOMEM. */
int advisory_builder_finish(struct advisory_builder *builder, struct advisories **ret) MUST_CHECK;
