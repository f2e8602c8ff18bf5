/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The origin (RFC 6454: scheme, host and port) of a URL that base/url.h accepted. It decides who is
 * given the token and which redirects are followed. Nothing is fetched or decoded here.
 */

#include <stdbool.h>
#include <stddef.h>

/* Borrowed parts of the URL. */
struct origin {
        bool is_https;
        const char *host; /* with its brackets when it is an IPv6 address */
        size_t host_length;
        unsigned port; /* of the scheme when the URL names none */
};

/* Returns -EINVAL for what is neither http:// nor https:// (a file:// URL has no origin). */
int origin_of(const char *url, struct origin *ret);

/* Whether both URLs have an origin and it is the same; host names are compared without case. */
bool origin_is_same(const char *a, const char *b);

/* "https://host:8443" without what follows, for messages; the caller frees; NULL when out of memory
 * or without an origin. */
char *origin_text(const char *url);
