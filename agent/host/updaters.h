/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Other programs that update packages by themselves on this root, told from its files. */

#include "host/root.h"

/* Adds the names ("unattended-upgrades") of those that are switched on. apt_periodic is what
 * apt.conf says: APT::Periodic::Enable and ::Unattended-Upgrade. Returns -ENOMEM. */
int updaters_find(const struct root *root, bool apt_periodic, struct strv *ret) MUST_CHECK;
