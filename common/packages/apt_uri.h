/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The parts of a source's uri, cut as apt cuts them. */

#include "base/cleanup.h"

/* All owned. */
struct apt_uri {
        char *scheme, *host, *port; /* host and port "" when absent; host without brackets */
        char *path;                 /* begins with "/" */
};

/* User and password are dropped. Returns -EINVAL for a text without ":", -ENOMEM. */
int apt_uri_parse(const char *text, struct apt_uri *ret) MUST_CHECK;

/* The whole text, "/" at its end. Returns -ENOMEM. */
int apt_uri_to_text(const struct apt_uri *uri, char **ret) MUST_CHECK;

/* The name under which apt keeps what it fetched from uri: no scheme, '/' as '_', others as %xx.
 * Returns -EINVAL, -ENOMEM. */
int apt_uri_to_file_name(const char *text, char **ret) MUST_CHECK;

/* A piece as it is put into a uri ('+', '~' and blanks as %xx). Returns -ENOMEM. */
int apt_uri_encode(const char *text, char **ret) MUST_CHECK;

void apt_uri_done(struct apt_uri *uri);
