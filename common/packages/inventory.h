/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is installed on a node, what its configured sources offer for it, and what the host's own
 * settings say about that (holds, pins). Product of a collector in agent/host; read only
 * afterwards. Only versions newer than the installed one are kept, and packages that such a version
 * needs.
 */

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum package_format { FORMAT_DEB, FORMAT_RPM };

/* One package index of a configured source, with its signed Release facts. */
struct package_index {
        char *uri, *suite, *component, *arch; /* as the source names them; component "" when flat */
        char *origin, *label, *codename;      /* of the Release file; "" when absent */
        char *release_suite;                  /* its Suite: field ("oldstable-security") */
        char *path;                           /* of the index file, inside the root */
        time_t date;                          /* Date of the Release file; 0: unknown */
        time_t valid_until;                   /* 0: none */
        time_t refreshed_at;                  /* newest change of its files; the helper's stamp is
                                                 laid over it by the caller; 0: never */
        time_t changed_at;                    /* newest change of its files */
        bool is_security;                     /* a security pocket */
        bool not_automatic, but_automatic_upgrades;
        char *repository; /* "URI SUITE": key of refresh stamps and of messages */
};

/* A file that a version consists of, as the signed index names it. */
struct package_file {
        char *filename; /* relative to the uri */
        char sha256[SHA256_TEXT_SIZE];
        int64_t size_bytes;
};

/* Whose dependencies a package meets besides those of its own architecture. */
enum multi_arch { MULTI_ARCH_NO, MULTI_ARCH_SAME, MULTI_ARCH_FOREIGN, MULTI_ARCH_ALLOWED };

/* A version on offer. The same version in several indexes is one entry with several indexes. */
struct available {
        char *version;
        char *source, *source_version; /* binNMU and Source: field resolved */
        const struct package_index **indexes;
        size_t n_indexes;
        struct package_file file;
        int64_t installed_size_bytes;
        int phased_percent; /* 100: for everyone */
        char *depends;      /* Pre-Depends and Depends, joined by ", "; "" when none */
        char *breaks;       /* Breaks and Conflicts alike; NULL or "" when none */
        char *provides;     /* NULL or "" when none */
        enum multi_arch multi_arch;
        int priority;     /* apt's pin priority of this version; below 0: never */
        time_t built_at;  /* rpm: as the index says; deb: as its verified archive says, laid over
                             by the caller; 0: unknown */
        char *build_note; /* why the archive, which was read, says no date; NULL: not read */
        char *held_by;    /* why the host itself would not take it (a pin and its file, phasing,
                             a repository that isn't automatic); NULL: free */
};

/* An installed package, or (version NULL) a new one that an available version needs. */
struct package {
        char *name, *arch;
        char *version;                     /* installed; NULL: none */
        char *source, *source_version;     /* of the installed version; NULL when none */
        char *depends, *breaks, *provides; /* of the installed version; NULL or "" when none */
        enum multi_arch multi_arch;        /* likewise */
        char *status;                      /* dpkg's words when not "ok installed"; else NULL */
        char *hold;   /* the host holds it: the reason ("apt-mark hold"); else NULL */
        bool is_auto; /* installed as a dependency only */
        struct available *available; /* newer than installed, newest first */
        size_t n_available;
        struct available
            *current; /* the installed version as an index offers it; NULL: none does */
        const struct available *candidate; /* the package manager's own choice; NULL: none newer */
};

struct repository_problem {
        char *repository;
        char *text; /* missing, cut, unreadable: one sentence */
};

struct inventory {
        enum package_format format;
        char *arch;               /* native */
        struct package *packages; /* sorted by name, then arch */
        size_t n_packages;
        struct package_index **indexes;
        size_t n_indexes;
        struct strv other_updaters; /* active beside patchd: "unattended-upgrades", ... */
        struct strv problems;       /* one sentence each; any makes the result unknown */
        struct strv broken;         /* half-installed or unmet dependencies: "name: status" */
        struct strv kernels;        /* releases of installed kernels, for the reboot check */
        bool interrupted;           /* a package manager's run was cut (dpkg's journal is dirty) */
};

void inventory_free(struct inventory *inventory);

/* For collectors: free what a version or a package owns. */
void inventory_clear_available(struct available *available);
void inventory_clear_package(struct package *package);

DEFINE_CLEANUP(struct inventory, inventory_free);

/* The installed (or needed) package; arch NULL: any, the native one first. NULL: none. */
const struct package *inventory_find(const struct inventory *inventory, const char *name,
                                     const char *arch);

/* Orders two versions as the package manager of this inventory does. */
int inventory_compare_versions(const struct inventory *inventory, const char *a, const char *b);

/* The newest Date of all signed indexes; 0: none has one. No clock before it can be right. */
time_t inventory_newest_date(const struct inventory *inventory);

/* When the index that was refreshed longest ago was refreshed; 0: one never was, or there is none.
 */
time_t inventory_refreshed_at(const struct inventory *inventory);

/* A digest of the indexes: it changes when one of them does. Returns -ENOMEM. */
int inventory_fingerprint(const struct inventory *inventory,
                          char ret[static SHA256_TEXT_SIZE]) MUST_CHECK;
