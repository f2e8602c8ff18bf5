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

/*
 * The absolute URL of reference, as found in a document that came from base: an absolute one as it
 * is, else a path beside the document ("a.zst") or from the root of its host ("/feeds/a.zst"). A
 * reference can't leave base's host and has no "..". The caller frees. Returns -EINVAL, -ENOMEM.
 */
int url_resolve(const char *base, const char *reference, char **ret, struct diag *diag) MUST_CHECK;
