/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which assignment of a policy a node gets. */

#include "policy/policy.h"

struct node_tag {
        char *key, *value;
};

/* What a policy may ask of a node. */
struct node {
        char *id;          /* lower-case hex unless configured */
        char *hostname;    /* static */
        char *os_id;       /* ID of os-release: "debian" */
        char *os_version;  /* VERSION_ID: "12"; "" when the release has none */
        char *arch;        /* the package manager's name: "amd64" */
        char *kernel;      /* running release, uname -r; NULL in a foreign root */
        char *boot_id;     /* NULL in a foreign root */
        const char *clock; /* "synchronised", "unsynchronised"; NULL: unknown, or a foreign root */
        struct node_tag *tags;
        size_t n_tags;
};

void node_done(struct node *node);

/* The first assignment that matches; NULL when none does: the node is unassigned. */
const struct assignment *assignment_for(const struct policy *policy, const struct node *node);

/* Whether every key of match fits the node; what the node doesn't know fits no glob. */
bool match_covers(const struct match *match, const struct node *node);

/*
 * The os part of it, which feeds have too: "debian" for every release, "debian:12" for one;
 * "rocky:9" also means 9.4, but not "rocky:9.1". An empty list is every system.
 */
bool match_covers_os(const struct strv *os, const struct node *node);
