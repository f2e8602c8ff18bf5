/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which files apt keeps in its lists folder for a source, and their names in the Release file. */

#include "packages/apt_sources.h"

/* What may follow an index's name: "" first, then the compressions apt knows. NULL-terminated. */
extern const char *const apt_list_extensions[];

/* File name of the source's InRelease, Release or Release.gpg file (what). Returns -ENOMEM. */
int apt_lists_release_name(const struct apt_source *source, const char *what,
                           char **ret) MUST_CHECK;

/* The name of the source's package index for arch in the Release file, uncompressed:
 * "main/binary-amd64/Packages"; "Packages" for a flat repository. Returns -ENOMEM. */
int apt_lists_index_key(const struct apt_source *source, const char *arch, char **ret) MUST_CHECK;

/* File name of the index of that key, without extension. Returns -ENOMEM. */
int apt_lists_index_name(const struct apt_source *source, const char *key, char **ret) MUST_CHECK;
