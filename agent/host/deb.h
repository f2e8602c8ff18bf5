/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The stages of the Debian collector and what they share. Private to collect_deb.c and deb_*.c.
 * Every stage returns 0, or a negative errno when nothing sensible can come out any more; what only
 * makes the result unknown becomes a problem of the inventory (deb_add_problem).
 */

#include "host/collect.h"
#include "packages/apt_conf.h"
#include "packages/apt_preferences.h"
#include "packages/apt_release.h"
#include "packages/apt_sources.h"
#include "packages/deb822.h"

enum {
        DEB_FILE_SIZE_MAX = 4 * 1024 * 1024,     /* one configuration file */
        DEB_FOLDER_MAX = 10000,                  /* entries of one folder */
        DEB_INDEX_SIZE_MAX = 2047 * 1024 * 1024, /* one index, decoded */
        DEB_PACKAGES_MAX = 200000,               /* installed and needed */
        DEB_VERSIONS_MAX = 1000,                 /* on offer for one package */
        DEB_NEEDS_ROUNDS_MAX = 10,               /* of looking for new packages */
};

#define DEB_LISTS_FOLDER "/var/lib/apt/lists/"

/* Why a package is in the table. */
enum deb_role {
        DEB_INSTALLED,
        DEB_SOUGHT, /* a name that a dependency mentions; it may not exist */
        DEB_NEEDED, /* a new package that some version needs */
};

struct deb_package {
        struct package package;
        enum deb_role role;
        bool searched; /* DEB_SOUGHT, DEB_NEEDED: the indexes were read for it */
        uint32_t next; /* of the same slot, as index + 1; 0: the last */
};

/* Packages by name; owns them until they move into the inventory. */
struct deb_table {
        struct deb_package *items;
        size_t n_items, capacity;
        uint32_t *slots; /* index + 1 of the first; 0: none */
        size_t n_slots;  /* a power of two */
};

/* One index file, and what pins see of it. */
struct deb_index {
        struct package_index *index; /* owned by the inventory */
        struct pin_target target;    /* borrows from index and from here */
        char *release_version, *site;
        bool compressed;
        int64_t expected_size; /* of the signed Release file, decoded; -1: it doesn't say */
};

struct deb_collector {
        const struct root *root;
        const char *machine_id_option;
        struct inventory *inventory;
        struct deb_table table;
        struct strv provided; /* virtual names of installed packages; sorted */
        struct strv archs;    /* native first */
        struct apt_conf conf;
        struct apt_sources sources;
        struct apt_preferences preferences;
        struct deb_index *indexes;
        size_t n_indexes;
        struct pin_target status_target;
        bool may_downgrade; /* some pin is so high that an older version may win */
};

/* One sentence for the result: it is unknown because of this. Returns -ENOMEM. */
int deb_add_problem(struct deb_collector *collector, const char *format, ...)
    PRINTF(2, 3) MUST_CHECK;
/* The same from a failure; -ENOMEM stays an error. */
int deb_problem_from(struct deb_collector *collector, int error,
                     const struct diag *diag) MUST_CHECK;

/* ---- deb_table.c ---- */

/* The first package of that name, or NULL; deb_table_next() gives its namesakes. */
struct deb_package *deb_table_find(const struct deb_table *table, const char *name, size_t length);
struct deb_package *deb_table_next(const struct deb_table *table, const struct deb_package *from);
/* Of that name and architecture, where "all" stands for native. */
struct deb_package *deb_table_find_arch(const struct deb_table *table, const char *name,
                                        size_t length, const char *arch, const char *native);
/* Takes over package (its name has to be set), which is empty afterwards. Pointers into the table
 * end. Returns -ENOMEM, -E2BIG. */
int deb_table_add(struct deb_table *table, struct package *package, enum deb_role role) MUST_CHECK;
void deb_table_done(struct deb_table *table);

/* ---- deb_status.c: dpkg's database ---- */
int deb_read_status(struct deb_collector *collector, struct diag *diag) MUST_CHECK;
int deb_read_extended_states(struct deb_collector *collector) MUST_CHECK;
int deb_read_journal(struct deb_collector *collector) MUST_CHECK;
/* "name (version)" of a Source field; without it the package's own. Returns -ENOMEM. */
int deb_read_source(const struct deb822_stanza *stanza, const char *name, const char *version,
                    char **ret_source, char **ret_version) MUST_CHECK;
/* The fields that bind packages to each other, each "" when there is none. Returns -ENOMEM. */
int deb_read_relations(const struct deb822_stanza *stanza, char **ret_depends, char **ret_breaks,
                       char **ret_provides) MUST_CHECK;
enum multi_arch deb_read_multi_arch(const struct deb822_stanza *stanza);

/* ---- deb_config.c: apt's configuration ---- */
int deb_read_conf(struct deb_collector *collector) MUST_CHECK;
int deb_read_sources(struct deb_collector *collector) MUST_CHECK;
int deb_read_preferences(struct deb_collector *collector) MUST_CHECK;

/* ---- deb_indexes.c: which index files the sources name, and their Release files ---- */
int deb_find_indexes(struct deb_collector *collector) MUST_CHECK;

/* ---- deb_scan.c: reads all indexes for the packages of the table not searched yet ---- */
int deb_scan(struct deb_collector *collector, enum deb_role role) MUST_CHECK;

/* ---- deb_needs.c: new packages that versions on offer depend on ---- */
int deb_find_needs(struct deb_collector *collector) MUST_CHECK;
/* A name that nothing needs, for who asks about it. */
int deb_find_wanted(struct deb_collector *collector, const char *name) MUST_CHECK;

/* ---- deb_choose.c: priorities, apt's own choice, what the host holds back ---- */
int deb_choose(struct deb_collector *collector) MUST_CHECK;
