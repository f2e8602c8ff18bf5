/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The cycle's own count of policy versions follows when an administrator had the helper forget its
 * count: the helper leaves a note in its state, which only root can write. */

#include "host/config.h"
#include "host/store.h"

/* Once for each such note, forgets version, digest and bytes of the last policy. What can't be read
 * or written changes nothing. */
void reset_follow(const struct paths *paths, struct store *store);
