/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What apt's sources name (sources.list(5), one-line and deb822 form): one entry per uri, suite and
 * component of every enabled "deb" source. Reading the files is the caller's; names of the files
 * that apt keeps for an entry are apt_lists.h.
 */

#include "base/diag.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>

enum { APT_SOURCES_MAX = 4096 };

struct apt_source {
        char *uri;         /* ends in "/"; without user and password */
        char *site;        /* its host name; "" for local ones */
        char *suite;       /* ends in "/" for a flat repository */
        char *component;   /* "" for a flat repository */
        struct strv archs; /* without "all", which comes with every source */
        bool without_all;  /* arch-=all */
        bool trusted;      /* [trusted=yes]: a Release file may be missing */
        char *signed_by;   /* path, fingerprint or key text; NULL: apt's keyrings */
        char *place;       /* "<file>:<line or stanza>" */
};

struct apt_sources {
        struct apt_source *items;
        size_t n_items;
};

struct apt_sources_context {
        const char *file;         /* its name, for places and errors */
        const char *native_arch;  /* stands for $(ARCH) */
        const struct strv *archs; /* of a source that names none */
};

/* Each adds what one file names. A malformed entry is -EINVAL with file and line: apt refuses the
 * whole set then. Also -E2BIG, -ENOMEM. */
int apt_sources_parse_list(struct apt_sources *sources, const char *text, size_t size,
                           const struct apt_sources_context *context, struct diag *diag) MUST_CHECK;
int apt_sources_parse_deb822(struct apt_sources *sources, const char *text, size_t size,
                             const struct apt_sources_context *context,
                             struct diag *diag) MUST_CHECK;

/* Whether apt would read a file of this name in sources.list.d, preferences.d or apt.conf.d, whose
 * files end in one of extensions ("" allows none; NULL-terminated). */
bool apt_parts_name_is_valid(const char *name, const char *const *extensions);

void apt_sources_done(struct apt_sources *sources);
