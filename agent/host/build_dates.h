/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * When the versions on offer were built, as the helper read it from their verified archives: one
 * JSON object a line in its builds.jsonl, by the archive's digest, {sha256, name, arch, version,
 * built_at|null, note|null}. Only patchd-apply writes it.
 */

#include "base/diag.h"
#include "base/digest.h"
#include "host/config.h"
#include "packages/inventory.h"

#define BUILD_DATES_FILE "builds.jsonl"

enum { BUILD_DATES_MAX = 10000, BUILD_DATES_MAX_BYTES = 8 * 1024 * 1024 };

struct build_date {
        char sha256[SHA256_TEXT_SIZE];
        char *name, *arch, *version;
        time_t built_at; /* 0: the archive has no date, and note says why */
        char *note;
};

struct build_dates {
        struct build_date *items;
        size_t n_items;
};
void build_dates_done(struct build_dates *dates);

/* No file yet is fine; a line that is no entry is left out: its archive is read again. */
int build_dates_read(const struct paths *paths, struct build_dates *ret,
                     struct diag *diag) MUST_CHECK;

/* Takes over what entry owns. Returns -ENOMEM. */
int build_dates_add(struct build_dates *dates, struct build_date *entry) MUST_CHECK;

/* Lays the dates and notes over the versions of the inventory that have these archives. */
int build_dates_overlay(const struct paths *paths, struct inventory *inventory,
                        struct diag *diag) MUST_CHECK;

/* The text of the file: every entry, or only those on offer when there are more than
 * BUILD_DATES_MAX. The caller frees. Returns -ENOMEM. */
int build_dates_write(const struct build_dates *dates, const struct inventory *inventory,
                      char **ret) MUST_CHECK;
