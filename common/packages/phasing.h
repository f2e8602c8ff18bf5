/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Phased updates as apt draws them, so that every machine decides as its own apt does. */

#include <stdbool.h>

/* Whether the machine takes a version of which percent (0..100) of all machines shall. Security
 * pockets, chroots and machines without an id (apt takes everything there) are the caller's. */
bool phasing_takes(const char *source, const char *source_version, const char *machine_id,
                   int percent);
