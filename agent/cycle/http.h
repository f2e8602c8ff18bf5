/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The rules of HTTP (RFC 9110) that need no library: values of headers, and statuses in words. */

#include "base/diag.h"

#include <stddef.h>
#include <stdint.h>

enum {
        HTTP_ETAG_MAX_BYTES = 512,
        HTTP_TOKEN_MAX_BYTES = 16 * 1024,
        HTTP_RETRY_AFTER_MAX_SECONDS = 24 * 3600,
};

/* The entity tag in the text behind "ETag:", quotes and W/ included; the caller frees. NULL when it
 * is none, too long, or out of memory: the next request is then not conditional. */
char *http_etag_value(const char *text, size_t length);

/* Seconds to wait for, with an upper bound; 0 when nothing sensible was said. */
int64_t http_cap_retry_after(int64_t seconds);

/* Whether a bearer token can stand in a header: not empty, printable ASCII, no blank. The sentence
 * never repeats it. Returns -EINVAL. */
int http_check_token(const char *token, struct diag *diag) MUST_CHECK;

/* Says that status is not what was wanted and what to look at: "https://host answered 404 (there is
 * nothing at this address): check policy_url". key is the configuration key. Returns -EREMOTEIO. */
int http_fail_status(struct diag *diag, const char *url, long status, const char *key);
