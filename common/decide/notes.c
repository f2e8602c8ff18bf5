/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/notes.h"

#include "base/str.h"

#include <string.h>

const struct package_note *notes_find(const struct package_note *notes, size_t n_notes,
                                      const struct package *package, const char *version)
{
        for (size_t i = 0; i < n_notes; i++)
                if (strcmp(notes[i].name, package->name) == 0 &&
                    (!notes[i].arch || strcmp(notes[i].arch, package->arch) == 0) &&
                    (!notes[i].version || str_equal(notes[i].version, version)))
                        return &notes[i];
        return NULL;
}

int notes_find_hold(const struct evaluate_input *input, const struct package *package,
                    const struct available *available, char **ret)
{
        const struct local_limits *limits = input->limits;
        const struct package_note *veto = NULL;

        *ret = NULL;
        if (limits)
                veto = notes_find(limits->vetoes, limits->n_vetoes, package, available->version);
        if (package->hold)
                *ret = strdup(package->hold);
        else if (limits && strv_matches(&limits->exclude, package->name))
                *ret = str_format("excluded by this node's configuration (%s%s[apply] exclude)",
                                  limits->exclude_file ?: "", limits->exclude_file ? ", " : "");
        else if (veto)
                *ret = str_format("vetoed on this node: %s; 'patchctl veto clear %s' lifts it",
                                  veto->text ?: "no reason given", package->name);
        else if (available->held_by)
                *ret = strdup(available->held_by);
        else
                return 0;
        return *ret ? 0 : -ENOMEM;
}
