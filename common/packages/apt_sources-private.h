/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between the readers of both forms of apt's sources and what they fill. */

#include "base/cleanup.h"
#include "packages/apt_sources.h"
#include "packages/deb822.h"

/* What one line or stanza says, before it is multiplied out. .context and .place are set first. */
struct apt_sources_draft {
        const struct apt_sources_context *context;
        char *place;
        struct strv uris, suites, components;
        struct strv archs, archs_added, archs_removed;
        bool has_archs;
        bool trusted;
        char *signed_by;
};

void apt_sources_draft_done(struct apt_sources_draft *draft);

/* -EINVAL with the place and what. */
int apt_sources_malformed(const struct apt_sources_draft *draft, struct diag *diag,
                          const char *what) MUST_CHECK;

/* One entry for each uri, suite and component. -EINVAL: it is malformed; -E2BIG, -ENOMEM. */
int apt_sources_add_draft(struct apt_sources *sources, const struct apt_sources_draft *draft,
                          struct diag *diag) MUST_CHECK;

/* The settings that both forms have, under other names. */
enum apt_sources_option_kind {
        OPTION_ARCHS,
        OPTION_ARCHS_ADD,
        OPTION_ARCHS_REMOVE,
        OPTION_TRUSTED,
        OPTION_KEY,
        N_APT_SOURCES_OPTIONS
};

struct apt_sources_option {
        const char *list_name, *field_name;
};
extern const struct apt_sources_option apt_sources_options[N_APT_SOURCES_OPTIONS];

int apt_sources_take_option(struct apt_sources_draft *draft, enum apt_sources_option_kind kind,
                            struct deb822_value value) MUST_CHECK;
int apt_sources_add_words(struct strv *strv, struct deb822_value value) MUST_CHECK;
