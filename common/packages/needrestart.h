/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The batch output of needrestart(1), `needrestart -b`: which services still use files that were
 * replaced. Nothing is run here. */

#include "base/diag.h"
#include "base/strv.h"

enum { NEEDRESTART_SERVICES_MAX = 1000, NEEDRESTART_NAME_MAX_BYTES = 255 };

/* The services in the order of the output, each once, without the runs of patchd itself, which end
 * on their own. Lines that are not understood are passed over; output that needrestart's own first
 * line is missing from is -EBADMSG. -ENOMEM. */
int needrestart_parse(const char *text, size_t size, struct strv *ret_services,
                      struct diag *diag) MUST_CHECK;
