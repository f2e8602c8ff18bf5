/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pins as apt_preferences(5) has them, and the priorities that follow from them. The algorithm is
 * that of apt's pkgPolicy: an index has the priority of the first general pin that matches it, else
 * its default; a version has that of the first specific pin that matches it, else the highest of
 * its indexes.
 */

#include "base/diag.h"
#include "base/strv.h"

#include <stdbool.h>
#include <stddef.h>

enum {
        APT_PINS_MAX = 10000,
        APT_PIN_PATTERN_MAX = 256, /* longest glob or /regex/ */
        APT_PRIORITY_NEVER = -32768,
        APT_PRIORITY_DOWNGRADE = 1000, /* from here on an older version may win */
};

enum pin_type { PIN_VERSION, PIN_RELEASE, PIN_ORIGIN };

struct apt_pin {
        char *package; /* name, glob or /regex/, "src:" before and ":arch" after; NULL: general */
        enum pin_type type;
        char *data; /* what follows the type */
        int priority;
        char *file; /* where it stands */
};

struct apt_preferences {
        struct apt_pin *pins;
        size_t n_pins;
};

/* An index as pins see it. Texts are borrowed; "" means that the Release file doesn't say. */
struct pin_target {
        const char *archive, *codename, *version, *origin, *label;
        const char *component, *arch;
        const char *site; /* host of the uri; "" for local ones */
        bool is_status;   /* dpkg's status file, "release a=now" */
        bool not_automatic, but_automatic_upgrades;
        int priority;              /* set by apt_preferences_judge_index() */
        const struct apt_pin *pin; /* the pin that set it; NULL: the default */
};

/* A version as pins see it. */
struct pin_version {
        const char *name, *arch; /* arch "all" counts as native_arch */
        const char *native_arch;
        const char *source, *version;
        const struct pin_target *const *targets; /* the indexes that have it */
        size_t n_targets;
};

/* Adds what one file says. What apt refuses is -EINVAL with the file's name. Also -E2BIG, -ENOMEM.
 */
int apt_preferences_parse(struct apt_preferences *preferences, const char *text, size_t size,
                          const char *file, struct diag *diag) MUST_CHECK;

/* APT::Default-Release; to be set before any file is parsed. Returns -ENOMEM. */
int apt_preferences_add_default_release(struct apt_preferences *preferences,
                                        const char *release) MUST_CHECK;

/* Sets priority and pin of an index. */
void apt_preferences_judge_index(const struct apt_preferences *preferences,
                                 struct pin_target *target);

/* The priority of a version whose targets are judged, and the pin that set it (or NULL). */
int apt_preferences_judge_version(const struct apt_preferences *preferences,
                                  const struct pin_version *version,
                                  const struct apt_pin **ret_pin);

void apt_preferences_done(struct apt_preferences *preferences);
