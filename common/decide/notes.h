/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the node itself has to say of a version: notes of its runs, holds, excludes, vetoes. */

#include "decide/evaluate.h"

/* The note on this version of the package; NULL: none. */
const struct package_note *notes_find(const struct package_note *notes, size_t n_notes,
                                      const struct package *package, const char *version);

/* What keeps the host itself from taking it; *ret NULL: nothing. The caller frees. -ENOMEM. */
int notes_find_hold(const struct evaluate_input *input, const struct package *package,
                    const struct available *available, char **ret) MUST_CHECK;
