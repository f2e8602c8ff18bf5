/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Other programs that update packages by themselves on this root, told from its files. */

#include "host/root.h"

/* What apt.conf asks unattended-upgrades for. */
struct apt_unattended {
        bool daily;       /* APT::Periodic::Enable and ::Unattended-Upgrade */
        bool at_shutdown; /* Unattended-Upgrade::InstallOnShutdown */
};

/* Adds the names ("unattended-upgrades") of those that are switched on. Returns -ENOMEM. */
int updaters_find(const struct root *root, const struct apt_unattended *apt,
                  struct strv *ret) MUST_CHECK;

/* The program that hands the work of this one over to patchd; NULL: there is none. */
const char *updaters_hand_over(const char *name);

/* Whether that was done on this root. It may not be enough: then updaters_find() still finds it. */
bool updaters_are_handed_over(const struct root *root);
