/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How long a step of a plan takes on this node, and whether that fits in a window. Starts from the
 * size of what is unpacked and learns from the steps that were carried out: how fast the node is,
 * and the longest that a package took in its last runs. Pure; the file that keeps it is
 * agent/apply/run/pace.h.
 */

#include "base/json.h"
#include "decide/plan.h"
#include "policy/window.h"

enum {
        ESTIMATE_PACKAGES_MAX = 2000, /* beyond, what was learned longest ago is forgotten */
        ESTIMATE_RUNS_MAX = 3,        /* of each package */
        ESTIMATE_MSEC_MAX = 24 * 3600 * 1000, /* of one step */
};

/* What one package took. Its numbers count as equal, so that "linux-image-6.1.0-9-amd64" tells of
 * the next kernel. */
struct estimate_package {
        char *key;                       /* the name with every run of digits as "#" */
        int64_t msec[ESTIMATE_RUNS_MAX]; /* newest first; 0: none */
        time_t learned_at;
};

struct estimates {
        struct estimate_package *packages; /* sorted by key */
        size_t n_packages;
        int64_t
            speed_percent; /* of the time that a node with nothing learned is expected to take */
};
void estimates_done(struct estimates *estimates);

/* Nothing learned. */
void estimates_init(struct estimates *ret);

/* What does not make sense is left out; json may be NULL. -ENOMEM. */
int estimates_read(const struct json *json, struct estimates *ret) MUST_CHECK;
int estimates_to_text(const struct estimates *estimates, char **ret) MUST_CHECK; /* -ENOMEM */

/* Simulating, installing and verifying a step; never 0. */
int64_t estimate_msec(const struct estimates *estimates, const struct plan_step *step);

/* The step took that long and did what it should. -ENOMEM. */
int estimates_learn(struct estimates *estimates, const struct plan_step *step, int64_t msec,
                    time_t now) MUST_CHECK;

/*
 * Why a step that takes so long, with the reserve for a reboot after it, does not fit in what is
 * left of the opening (owned); NULL: it does. An opening of all 0 has no end. -ENOMEM.
 */
int estimate_refusal(const struct opening *opening, time_t now, int64_t msec,
                     int64_t reserve_seconds, char **ret) MUST_CHECK;
