/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pairs of versions for an oracle, and the count of what came of them: PROGRAM N_PAIRS [<VERSIONS].
 * Made-up pairs, the same in every run, and the versions on standard input (one a line) against
 * their neighbours and against damaged copies of themselves. Prints what differs and the numbers.
 */

struct version_oracle {
        const char *alphabet;     /* of made-up versions */
        void (*mend)(char *text); /* makes most made-up ones valid; NULL: none */
        void (*check)(const char *a, const char *b);
        const char *counted; /* what version_pairs_count() counts, in words */
};

/* A random number below limit. */
unsigned version_pairs_below(unsigned limit);

int version_pairs_sign(int value);
void version_pairs_differ(const char *what, const char *a, const char *b);

/* The pair that is being checked says something: a quarter of all must. */
void version_pairs_count(void);

/* For main(): 1 when something differs or too few were counted. */
int version_pairs_run(const struct version_oracle *oracle, int argc, char **argv);
