/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A judging situation written as JSON, for the tests of decide/ and report/: a policy, indexes,
 * packages, a ledger, what the node adds, and the time. Freed by scenario_done().
 */

#include "decide/evaluate.h"

struct json;

struct scenario {
        struct policy *policy;
        struct node node;
        struct inventory *inventory;
        struct ledger *ledger;
        struct advisories *advisories;
        struct local_limits limits;
        struct run_facts runs;
        struct package_note *notes[5]; /* behind limits and runs */
        size_t n_notes[5];
        struct evaluate_input input;
        struct json *document;
};

/* Reads `file` of the test data folder. Fails the test on any mistake. */
struct json *scenario_load_file(const char *file);

/* Lays the members of `one` over those of `base` (either may lack some). */
void scenario_init(struct scenario *scenario, const struct json *base, const struct json *one);
void scenario_done(struct scenario *scenario);
