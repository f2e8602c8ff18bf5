/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/http.h"
#include "cycle/origin.h"
#include "cycle/transport-private.h"

#include <string.h>
#include <strings.h>
#include <time.h>

void exchange_done(struct exchange *exchange)
{
        str_done(&exchange->body);
        free(exchange->etag);
}

static void curl_slist_freep(struct curl_slist **list)
{
        curl_slist_free_all(*list);
}

/* ---- the answer ---- */

/* Gives 0 when it is too much. */
static size_t count_body(struct exchange *exchange, size_t length)
{
        exchange->n_body_bytes += length;
        exchange->is_too_large = exchange->n_body_bytes > exchange->max_bytes;
        return exchange->is_too_large ? 0 : length;
}

/* The body of an error or a redirect is not what was asked for. */
static size_t give_to_sink(struct exchange *exchange, const char *data, size_t length)
{
        long status = 0;

        (void)curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
        if (status != 200)
                return count_body(exchange, length);
        exchange->sink_error = exchange->sink(data, length, exchange->sink_arg, exchange->diag);
        return exchange->sink_error < 0 ? 0 : length;
}

size_t transport_on_body(char *data, size_t size, size_t n, void *context)
{
        struct exchange *exchange = context;
        size_t length = size * n;

        if (exchange->sink)
                return give_to_sink(exchange, data, length);
        if (count_body(exchange, length) == 0)
                return 0;
        if (exchange->keep_body)
                str_append_n(&exchange->body, data, length);
        return exchange->body.failed ? 0 : length;
}

size_t transport_on_header(char *data, size_t size, size_t n, void *context)
{
        struct exchange *exchange = context;
        size_t length = size * n;

        exchange->n_header_bytes += length;
        if (exchange->n_header_bytes > TRANSPORT_HEADERS_MAX_BYTES) {
                exchange->is_too_large = true;
                return 0;
        }
        if (length >= 5 && strncasecmp(data, "HTTP/", 5) == 0) {
                free(exchange->etag); /* of an interim or proxy's answer */
                exchange->etag = NULL;
        }
        if (length >= 5 && strncasecmp(data, "ETag:", 5) == 0) {
                free(exchange->etag);
                exchange->etag = http_etag_value(data + 5, length - 5);
        }
        return length;
}

/* ---- the request ---- */

static int add_header(struct curl_slist **list, const char *line)
{
        struct curl_slist *longer = curl_slist_append(*list, line);

        if (!longer)
                return -ENOMEM;
        *list = longer;
        return 0;
}

static int add_condition(struct curl_slist **list, const char *etag)
{
        CLEANUP(freep) char *line = str_format("If-None-Match: %s", etag);

        return line ? add_header(list, line) : -ENOMEM;
}

/* Whether url is the control endpoint's, which alone gets credentials. */
static bool is_endpoint(const struct transport_options *options, const char *url)
{
        for (size_t i = 0; i < ELEMENTSOF(options->token_origins); i++)
                if (options->token_origins[i] && origin_is_same(options->token_origins[i], url))
                        return true;
        return false;
}

static int add_signature(const struct transport *transport, const struct request *request,
                         const char *url, struct curl_slist **list, struct diag *diag)
{
        CLEANUP(strv_done) struct strv lines = {0};
        const struct blob *body = request->body;
        int r;

        r = sigv4_sign(transport->options.sigv4,
                       &(struct sigv4_request){.method = body ? "PUT" : "GET",
                                               .url = url,
                                               .body = body ? body->data : NULL,
                                               .size = body ? body->size : 0,
                                               .now = time(NULL)},
                       &lines, diag);
        for (size_t i = 0; r >= 0 && i < lines.n_items; i++)
                r = add_header(list, lines.items[i]);
        return r;
}

/* For each hop anew. */
static int add_credentials(const struct transport *transport, const struct request *request,
                           const char *url, struct curl_slist **list, struct diag *diag)
{
        if (!is_endpoint(&transport->options, url))
                return 0;
        if (transport->options.sigv4)
                return add_signature(transport, request, url, list, diag);
        return transport->authorization ? add_header(list, transport->authorization) : 0;
}

static int request_headers(const struct transport *transport, const struct request *request,
                           const char *url, struct curl_slist **list, struct diag *diag)
{
        int r = add_header(list, "Expect:"); /* no wait for 100 Continue */

        if (r >= 0 && request->etag)
                r = add_condition(list, request->etag);
        if (r >= 0)
                r = add_credentials(transport, request, url, list, diag);
        for (size_t i = 0; r >= 0 && i < request->n_headers; i++)
                r = add_header(list, request->headers[i]);
        return r;
}

static void set_method(struct transport *transport, const struct request *request)
{
        const struct transport_limits *limits = &transport->limits;
        CURL *curl = transport->curl;

        (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT,
                               request->sink ? limits->download_timeout_seconds
                                             : limits->total_timeout_seconds);
        (void)curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, request->sink ? NULL : "gzip");
        if (!request->body) {
                (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
                (void)curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
                return;
        }
        (void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body->size);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body->data);
        (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->is_post ? "POST" : "PUT");
}

int transport_exchange(struct transport *transport, const struct request *request, const char *url,
                       struct exchange *exchange, struct diag *diag)
{
        CLEANUP(curl_slist_freep) struct curl_slist *list = NULL;
        CURL *curl = transport->curl;
        CURLcode code;
        int r;

        r = request_headers(transport, request, url, &list, diag);
        if (r < 0)
                return r;
        set_method(transport, request);
        (void)curl_easy_setopt(curl, CURLOPT_URL, url);
        (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
        (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
        transport->error_text[0] = '\0';
        code = curl_easy_perform(curl);
        (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL); /* it leaves with list */
        if (exchange->body.failed)
                return -ENOMEM;
        if (exchange->sink_error < 0)
                return exchange->sink_error;
        if (exchange->is_too_large)
                return transport_fail_size(exchange, url, diag);
        return code == CURLE_OK ? 0 : transport_fail_curl(transport, code, url, diag);
}
