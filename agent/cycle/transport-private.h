/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of the transport share: transport.c (set up, redirects), transport_exchange.c (one
 * request and its answer), transport_errors.c (libcurl's trouble in words). */

#include "base/cleanup.h"
#include "base/str.h"
#include "cycle/transport.h"

#include <curl/curl.h>

struct transport {
        struct transport_options options;
        struct transport_limits limits;
        char *authorization; /* the whole header line; NULL: no token */
        CURL *curl;          /* one handle, so that the connection is kept between requests */
        char error_text[CURL_ERROR_SIZE];
};

/* What one exchange collects. */
struct exchange {
        struct str body;
        size_t max_bytes;
        size_t n_body_bytes, n_header_bytes;
        bool keep_body;
        bool is_too_large;
        char *etag;
        CURL *curl;
        transport_sink_fn sink; /* NULL: none */
        void *sink_arg;
        int sink_error;
        struct diag *diag; /* of the sink */
};

void exchange_done(struct exchange *exchange);

/* What a request is made of, the same for each hop of its redirects. */
struct request {
        const char *etag;
        const struct blob *body; /* NULL: GET */
        const char *const *headers;
        size_t n_headers;
        size_t max_bytes;
        transport_sink_fn sink; /* NULL: the body is kept */
        void *sink_arg;
        bool is_post; /* else a body is PUT */
};

/* What libcurl calls with the next bytes of a body and with each line of a header. */
size_t transport_on_body(char *data, size_t size, size_t n, void *context);
size_t transport_on_header(char *data, size_t size, size_t n, void *context);

/* One request, no redirect followed. Fills exchange. */
int transport_exchange(struct transport *transport, const struct request *request, const char *url,
                       struct exchange *exchange, struct diag *diag) MUST_CHECK;

/* Sentences for what went wrong; each gives its error. */
int transport_fail_curl(struct transport *transport, CURLcode code, const char *url,
                        struct diag *diag);
int transport_fail_size(const struct exchange *exchange, const char *url, struct diag *diag);
int transport_fail_redirect(const char *url, const char *location, struct diag *diag);
