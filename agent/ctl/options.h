/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The command line: one table of options, one of verbs; usage texts come from the same rows. */

#include "base/diag.h"
#include "ctl/ctl.h"

enum option_bit {
        OPTION_JSON = 1 << 0,
        OPTION_POLICY = 1 << 1,
        OPTION_ROOT = 1 << 2,
        OPTION_AT = 1 << 3,
        OPTION_TAG = 1 << 4,
        OPTION_NEXT = 1 << 5,
        OPTION_NOW = 1 << 6,
        OPTION_DOWNLOAD_ONLY = 1 << 7,
        OPTION_UNTIL = 1 << 8,
        OPTION_KEY = 1 << 9,
        OPTION_OUTPUT = 1 << 10,
        OPTION_ALL = 1 << 11,
        OPTION_FEED = 1 << 13,     /* --os */
        OPTION_MANIFEST = 1 << 14, /* --id, --url, --expires, --days */
        OPTION_YES = 1 << 15,
        OPTION_ANYWHERE = 1 << 12, /* --help, --version, --prefix */
};

struct verb {
        const char *name;
        const char *subname; /* of a family such as `policy`; NULL: none */
        size_t min_arguments, max_arguments;
        unsigned options; /* of enum option_bit */
        verb_fn run;
        const char *arguments; /* for the usage line */
        const char *summary;
};

/* Fills ctl and finds the verb. *ret_verb is NULL when only --help or --version is asked for.
 * Returns -EINVAL with a sentence for every misuse. */
int options_parse(int argc, char **argv, const struct verb *verbs, size_t n_verbs, struct ctl *ctl,
                  const struct verb **ret_verb, struct diag *diag) MUST_CHECK;
void options_done(struct ctl *ctl);

/* Usage of everything (verb NULL) or of one verb, on standard output. */
void options_print_usage(const struct verb *verbs, size_t n_verbs, const struct verb *verb);
