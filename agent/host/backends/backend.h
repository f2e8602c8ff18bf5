/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How a package manager is told what to do and what its output means. Pure: argument lists, file
 * texts and parsers only; who runs them is agent/apply/packages/installer.h. Nothing here trusts an
 * exit code.
 */

#include "base/diag.h"
#include "base/strv.h"
#include "decide/plan.h"
#include "packages/inventory.h"

#include <stdbool.h>
#include <stddef.h>

enum { BACKEND_STATUS_FD = 3 }; /* where the package manager writes its progress */

/* Private files of one run; the texts are borrowed. */
struct backend_files {
        const char *archives;          /* folder of downloads */
        const char *allow_list;        /* the file with allow_list()'s text */
        const char *empty_folder;      /* takes the place of the host's own preferences.d */
        const struct plan_step *fetch; /* for FETCH: these versions */
        const char *native_arch;       /* for FETCH */
        const struct strv *words;      /* packages, for the actions that say so; else NULL */
};

enum backend_action {
        BACKEND_REFRESH,  /* fetch the package indexes */
        BACKEND_CHECK,    /* are the dependencies of what is installed met? */
        BACKEND_REPAIR,   /* finish what an interrupted run left */
        BACKEND_SIMULATE, /* with the same options as the next two: say what would happen */
        BACKEND_WHY,      /* words: say what stands against a version that a simulation kept back */
        BACKEND_DOWNLOAD, /* fetch archives only */
        BACKEND_FETCH, /* fetch archives of versions, approved or not, into the working directory */
        BACKEND_INSTALL,         /* from the archives only, no network */
        BACKEND_SIMULATE_REMOVE, /* words: what the next one would do */
        BACKEND_REMOVE,          /* words: these packages, and nothing else */
        BACKEND_VERIFY,          /* words: packages; which installed files differ? */
        BACKEND_SIMULATE_BACK,   /* words: archives to install, and packages to remove */
        BACKEND_INSTALL_BACK,    /* the same, no network */
        BACKEND_MARK_AUTO,       /* words: packages; they are there as dependencies only */
        N_BACKEND_ACTIONS,
};

/* How a package is named on the command line. */
enum backend_word { WORD_PACKAGE, WORD_REMOVAL };

enum backend_change_kind { CHANGE_INSTALL, CHANGE_CONFIGURE, CHANGE_REMOVE, N_CHANGE_KINDS };

/* One line of a simulation. */
struct backend_change {
        enum backend_change_kind kind;
        char *name, *arch;  /* arch NULL: not said; "all" where it is */
        char *version_from; /* NULL: new, or not said */
        char *version_to;   /* NULL when removed, or when the line could not be read */
        char *line;         /* as the package manager wrote it, for messages */
};

struct backend_changes {
        struct backend_change *items;
        size_t n_items;
};
void backend_changes_done(struct backend_changes *changes);

enum backend_status_kind { STATUS_DOWNLOAD, STATUS_WORK, STATUS_ERROR, STATUS_CONFFILE };

/* One line of progress; name and text point into the line. */
struct backend_status {
        enum backend_status_kind kind;
        const char *name; /* package; for STATUS_CONFFILE the path of the file */
        double percent;
        const char *text;
};

/* One repository that a refresh tried. */
struct backend_refreshed {
        char *repository; /* as inventory's package_index.repository */
        bool is_fresh;    /* its indexes are what the repository has now */
        char *text;       /* why not; NULL when it is */
};

struct backend_refresh {
        struct backend_refreshed *items;
        size_t n_items;
        bool is_ok; /* all are fresh */
        char *text; /* what went wrong beyond single repositories; NULL: nothing */
};
void backend_refresh_done(struct backend_refresh *refresh);

struct backend {
        const char *name;
        enum package_format format;

        /* The environment of every call, without proxies. */
        const char *const *environment;

        /* Appends the argument list. files may be NULL for REFRESH, CHECK and REPAIR. */
        int (*argv)(enum backend_action action, const struct backend_files *files,
                    struct strv *ret);

        /* The text of the file that makes exactly these versions installable. -EINVAL for a name
         * or version that the package manager might take as a pattern. */
        int (*allow_list)(const struct plan_step *step, const char *native_arch, char **ret,
                          struct diag *diag);

        /* Every change of a simulation, also those that could not be understood. */
        int (*parse_simulation)(const char *output, struct backend_changes *ret);

        /* Names one version for WHY. The caller frees; NULL: out of memory. */
        char *(*wanted_name)(const char *name, const char *version, const char *arch);

        /* The words of WHY's output in one line; *ret NULL: it says nothing. */
        int (*parse_why)(const char *output, char **ret);

        /* Of an action that failed for want of a lock: "process 4711 (aptitude) holds FILE"; NULL:
         * it did not. The caller frees. May be NULL, as may the next. */
        char *(*parse_lock)(const char *output, const char *error_output);

        /* The first line that tells of a disk that is full, broken or read-only: the package
         * manager's last word does not. NULL: there is none. The caller frees. */
        char *(*parse_cause)(const char *error_output);

        /* A word for the command line. -EINVAL for what might be taken for something else. */
        int (*word)(enum backend_word kind, const char *name, const char *arch, char **ret,
                    struct diag *diag);

        /* The files of VERIFY's output that differ or are gone: configuration files, and others. */
        int (*parse_verify)(const char *output, struct strv *ret_conffiles,
                            struct strv *ret_others);

        /* The program (its name in proc(5)'s stat) that starts the scripts of packages, and which
         * they are: "PACKAGE.KIND", or "KIND" when the argument does not tell the package; NULL:
         * not a script's. The caller frees. */
        const char *script_runner; /* NULL: scripts are not watched */
        char *(*script_name)(const char *argument);

        /* Where the package manager itself keeps what it downloads. */
        const char *own_archives;

        /* False: no line of progress. Cuts the line into pieces. */
        bool (*parse_status)(char *line, struct backend_status *ret);

        /* Holds the output of REFRESH against the repositories that the host is configured for. */
        int (*parse_refresh)(const char *output, const char *error_output, bool is_success,
                             const struct strv *repositories, struct backend_refresh *ret);

        /* The file name that a downloaded version has in the archives. The caller frees; NULL: out
         * of memory. arch is that of the archive ("all" too). */
        char *(*archive_name)(const char *name, const char *version, const char *arch);
        const char *archive_suffix;
};

extern const struct backend backend_apt;

/* The backend of a package format, NULL when there is none in this build. */
const struct backend *backend_for(enum package_format format);
