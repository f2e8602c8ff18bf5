/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What may be installed together, as a graph. Each package has values: as it is (installed, or not
 * there), and its versions on offer. Each value has clauses: while the package has that value, one
 * of the clause's choices, which are values of other packages, has to hold. "breaks lib (<< 2)" is
 * a clause too: its choices are the other values of lib. As everything is now, every clause holds;
 * what can't matter is left out.
 */

#include "decide/evaluate.h"

#define NEEDS_NONE SIZE_MAX

enum needs_kind {
        NEEDS_DEPENDS,
        NEEDS_BREAKS, /* or conflicts */
        NEEDS_SAME,   /* one version for all architectures */
};

struct needs_clause {
        enum needs_kind kind;
        size_t owner; /* a value */
        size_t first_choice, n_choices;
        size_t other; /* of BREAKS and SAME: the package that it is about */
        char *text;   /* "libfoo (>= 2) | libbar", as the field says */
};

struct needs_value {
        size_t package;
        struct verdict *verdict; /* NULL: as it is */
        const char *version;     /* NULL: not there */
        const char *depends, *breaks, *provides;
        enum multi_arch multi_arch;
        char *hold;                           /* why the host doesn't take it; NULL: it does */
        const struct package_note *kept_back; /* NULL: it isn't */
        bool is_approved;
        bool on_demand; /* taken only where another one needs it */
        bool was_open, is_open;
        size_t first_clause, n_clauses;
        size_t blamed_clause;  /* why is_open ended: a clause of its own, */
        size_t blamed_package; /* or this one, which would not go with it */
};

struct needs_package {
        struct decision *decision;
        size_t first_value, n_values; /* the first is as it is; then newest first */
        size_t taken;                 /* a value */
        size_t looked_at_by;          /* the package that looked at it last; search only */
};

/* A name that a value provides. */
struct needs_provide {
        char *name;
        char *version; /* "": none */
        size_t value;
};

struct needs_graph {
        const struct evaluate_input *input;
        struct needs_package *packages; /* one for each decision */
        size_t n_packages;
        struct needs_value *values;
        size_t n_values;
        struct needs_clause *clauses;
        size_t n_clauses, clauses_capacity;
        size_t *choices;
        size_t n_choices, choices_capacity;
        struct needs_provide *provides; /* by name */
        size_t n_provides, provides_capacity;
        const char **moving; /* names that packages with several values have or provide; sorted */
        size_t n_moving;
};

/* ---- needs_values.c: packages, values, provided names ---- */
int needs_graph_init(const struct evaluate_input *input, struct decisions *decisions,
                     struct needs_graph *ret) MUST_CHECK;
void needs_graph_done(struct needs_graph *graph);
/* Whether something about a package of this name may change. */
bool needs_is_moving(const struct needs_graph *graph, const char *name);
/* The first package of that name; n_packages: none. */
size_t needs_find_name(const struct needs_graph *graph, const char *name);
/* The first provide of that name; n_provides: none. */
size_t needs_find_provide(const struct needs_graph *graph, const char *name);

/* ---- needs_clauses.c ---- */
int needs_add_clauses(struct needs_graph *graph) MUST_CHECK;

/* ---- needs_search.c: takes for each package the newest value that goes with all the others ----
 */
void needs_search(struct needs_graph *graph);
/* Whether a clause of a package's value about `other` could hold when `other` has value `as`. */
bool needs_goes_with(const struct needs_graph *graph, size_t value, size_t as, bool only_open);
/* Whether owner may bring the value in: it is approved, or of the same source and version. */
bool needs_may_bring(const struct needs_graph *graph, size_t owner, size_t value);

/* ---- needs_words.c ---- */
/* "needs libfoo 2 (not approved until ...)" for a value that was open and is not taken. Marks the
 * new packages it speaks of as needed. Returns -ENOMEM. */
int needs_describe(struct needs_graph *graph, size_t value, char **ret) MUST_CHECK;
