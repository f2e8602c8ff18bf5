/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Debian version order (deb-version(7), Debian Policy 5.6.12): [epoch:]upstream[-revision]. */

#include <stdbool.h>

/* Less than, equal to or greater than 0. Any text is accepted; what dpkg would refuse still has one
 * fixed place in the order, so that hostile input can't make a sort inconsistent. */
int version_deb_compare(const char *a, const char *b);

/* Whether dpkg would accept it as a version. */
bool version_deb_is_valid(const char *text);
