/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whether judging again could give anything new. The fingerprint is a sum over everything that is
 * judged, by the times and sizes of its files; beside it stands the time at which the same inputs
 * would be judged otherwise: a version is approved, a window opens or closes, the policy expires,
 * an index grows too old. In doubt both say: judge.
 */

#include "base/digest.h"
#include "host/config.h"
#include "host/judge.h"

#include <stdbool.h>
#include <time.h>

enum {
        FINGERPRINT_DEPTH_MAX = 4,
        FINGERPRINT_FILES_MAX = 20000,
        FINGERPRINT_LEAD_SECONDS = 3600, /* this long before a window downloads begin */
        FINGERPRINT_HOLDS_SECONDS = 24 * 3600,
};

/* policy_digest: of the policy in use. Returns -ENOMEM, or -E2BIG when there are too many files:
 * judge then. */
int fingerprint_make(const struct paths *paths, const char *policy_digest,
                     char ret[static SHA256_TEXT_SIZE]) MUST_CHECK;

/* The first time after now at which the judgement may come out otherwise, at most a day ahead. */
time_t fingerprint_holds_until(const struct judgement *judgement);
