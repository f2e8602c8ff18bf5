/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The inventory of a root with dpkg and apt. */

#include "host/collect.h"

int collect_deb(const struct collect_options *options, struct inventory **ret,
                struct diag *diag) MUST_CHECK;
