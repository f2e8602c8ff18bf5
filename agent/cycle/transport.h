/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP over libcurl, whose only user this is: conditional GET and PUT. https, or http to a loopback
 * host; certificates are always verified; redirects stay on their origin; the token goes to the
 * control endpoint's own origins only. Every failure is one sentence with the host and what to look
 * at. What a status means is the caller's matter. Blocking; one request at a time.
 */

#include "base/blob.h"
#include "base/diag.h"
#include "cycle/sigv4.h"

#include <stdbool.h>
#include <stdint.h>

enum {
        TRANSPORT_REDIRECTS_MAX = 3,
        TRANSPORT_HEADERS_MAX_BYTES = 64 * 1024,
        TRANSPORT_ANSWER_MAX_BYTES =
            1024 * 1024, /* of the body that answers a PUT; it is not kept */
};

/* How long one request may take. */
struct transport_limits {
        long connect_timeout_seconds; /* name, connection and TLS handshake */
        long total_timeout_seconds;
        long download_timeout_seconds; /* the same for transport_download() */
        long stall_timeout_seconds; /* with less than stall_bytes a second for so long: given up */
        long stall_bytes;
};
extern const struct transport_limits transport_default_limits;

/* The texts are borrowed and have to outlive the transport. NULL members are not used. */
struct transport_options {
        const char *ca_file; /* NULL: the system's certificate authorities */
        const char *client_cert, *client_key;
        const char *proxy;             /* NULL: as the environment says */
        const char *token;             /* bearer token */
        const struct sigv4_key *sigv4; /* requests are signed with it instead */
        const char *token_origins[2];  /* URLs of the control endpoint: who gets token, signature */
        const struct transport_limits *limits; /* NULL: transport_default_limits */
};

struct transport;

/* Returns -EINVAL for a token that can't stand in a header, -ENOMEM. */
int transport_new(const struct transport_options *options, struct transport **ret,
                  struct diag *diag) MUST_CHECK;
void transport_free(struct transport *transport);
DEFINE_CLEANUP(struct transport, transport_free);

struct transport_response {
        long status;
        struct blob body;            /* of a GET, decoded; empty for 304 */
        char *etag;                  /* NULL: none, or not a plain one */
        int64_t retry_after_seconds; /* 0: not said; capped */
};
void transport_response_done(struct transport_response *response);

/*
 * Gets url; etag (NULL: none) makes it conditional. At most max_bytes of decoded body. Gives 0 for
 * every status below 300 and above 399 and for 304. Negative: -EINVAL (url), -EHOSTUNREACH (name,
 * connection), -ECONNRESET (cut), -ETIMEDOUT, -EKEYREJECTED (certificate), -EFBIG (too large),
 * -ELOOP (redirects), -EBADMSG (no proper HTTP), -ENOMEM.
 */
int transport_get(struct transport *transport, const char *url, const char *etag, size_t max_bytes,
                  struct transport_response *ret, struct diag *diag) MUST_CHECK;

/* Takes the next bytes; a negative errno ends the download and is passed on. */
typedef int (*transport_sink_fn)(const char *bytes, size_t size, void *arg, struct diag *diag);

/*
 * Gets url, however large, and gives the body of a 200 to sink as it stands on the server: a
 * Content-Encoding that was not asked for is left in it. ret->body stays empty. Errors as above,
 * and those of sink.
 */
int transport_download(struct transport *transport, const char *url, transport_sink_fn sink,
                       void *arg, struct transport_response *ret, struct diag *diag) MUST_CHECK;

/* Puts body at url. headers are whole lines ("Content-Type: application/json"). Errors as above;
 * -ELOOP also for a redirect that would not repeat the PUT (only 307 and 308 do). */
int transport_put(struct transport *transport, const char *url, const struct blob *body,
                  const char *const *headers, size_t n_headers, struct transport_response *ret,
                  struct diag *diag) MUST_CHECK;

/* Posts body to url; the answer's body is kept, at most max_bytes. Otherwise as transport_put(). */
int transport_post(struct transport *transport, const char *url, const struct blob *body,
                   const char *const *headers, size_t n_headers, size_t max_bytes,
                   struct transport_response *ret, struct diag *diag) MUST_CHECK;
