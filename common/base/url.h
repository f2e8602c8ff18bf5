/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which URLs (RFC 3986) this project fetches from. Nothing is fetched or decoded here. */

#include "base/cleanup.h"
#include "base/diag.h"

enum { URL_MAX_BYTES = 2048 };

/*
 * Accepts https://host..., file:///absolute/path and, for the loopback hosts localhost, 127.x.y.z
 * and [::1] only, http://host.... No user name, blank, control character, backslash or byte beyond
 * ASCII. Returns -EINVAL.
 */
int url_check(const char *url, struct diag *diag) MUST_CHECK;
