/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/transport.h"

#include "base/str.h"
#include "base/url.h"
#include "cycle/http.h"
#include "cycle/origin.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

const struct transport_limits transport_default_limits = {
    .connect_timeout_seconds = 20,
    .total_timeout_seconds = 300,
    .download_timeout_seconds = 3600,
    .stall_timeout_seconds = 30,
    .stall_bytes = 64,
};

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

static void exchange_done(struct exchange *exchange)
{
        str_done(&exchange->body);
        free(exchange->etag);
}

static void curl_slist_freep(struct curl_slist **list)
{
        curl_slist_free_all(*list);
}

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

static size_t on_body(char *data, size_t size, size_t n, void *context)
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

static size_t on_header(char *data, size_t size, size_t n, void *context)
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

static void set_string(CURL *curl, CURLoption option, const char *text)
{
        if (text)
                (void)curl_easy_setopt(curl, option, text);
}

static int set_up(struct transport *transport)
{
        const struct transport_options *options = &transport->options;
        CURL *curl = transport->curl;
        bool failed = false;

        /* A setting that protects must not be lost in silence. */
        failed |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK;
        failed |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK;
        failed |=
            curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK;
        failed |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK;
#if LIBCURL_VERSION_NUM >= 0x075500
        failed |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK;
#else
        failed |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS,
                                   (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS)) != CURLE_OK;
#endif
        if (failed)
                return -EOPNOTSUPP;
        (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "patchd/" PATCHD_VERSION);
        (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT,
                               transport->limits.connect_timeout_seconds);
        (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, transport->limits.stall_bytes);
        (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
                               transport->limits.stall_timeout_seconds);
        (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transport->error_text);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
        (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
        set_string(curl, CURLOPT_CAINFO, options->ca_file);
        if (options->ca_file)
                (void)curl_easy_setopt(curl, CURLOPT_CAPATH, NULL); /* that authority alone */
        set_string(curl, CURLOPT_SSLCERT, options->client_cert);
        set_string(curl, CURLOPT_SSLKEY, options->client_key);
        set_string(curl, CURLOPT_PROXY, options->proxy);
        return 0;
}

int transport_new(const struct transport_options *options, struct transport **ret,
                  struct diag *diag)
{
        CLEANUP(transport_freep) struct transport *transport = calloc(1, sizeof(*transport));
        int r;

        if (!transport)
                return -ENOMEM;
        r = options->token ? http_check_token(options->token, diag) : 0;
        if (r < 0)
                return r;
        transport->options = *options;
        if (options->token) {
                transport->authorization = str_format("Authorization: Bearer %s", options->token);
                if (!transport->authorization)
                        return -ENOMEM;
        }
        transport->limits = options->limits ? *options->limits : transport_default_limits;
        transport->curl = curl_easy_init();
        if (!transport->curl)
                return diag_fail(diag, -ENOMEM, "libcurl can't start");
        r = set_up(transport);
        if (r < 0)
                return diag_fail(diag, r, "this libcurl has no https support");
        *ret = TAKE_PTR(transport);
        return 0;
}

void transport_free(struct transport *transport)
{
        if (!transport)
                return;
        if (transport->curl)
                curl_easy_cleanup(transport->curl);
        free(transport->authorization);
        free(transport);
}

void transport_response_done(struct transport_response *response)
{
        blob_done(&response->body);
        free(response->etag);
        *response = (struct transport_response){0};
}

static bool may_have_token(const struct transport_options *options, const char *url)
{
        if (!options->token)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(options->token_origins); i++)
                if (options->token_origins[i] && origin_is_same(options->token_origins[i], url))
                        return true;
        return false;
}

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

/* What a request is made of, the same for each hop of its redirects. */
struct request {
        const char *etag;
        const struct blob *body; /* NULL: GET */
        const char *const *headers;
        size_t n_headers;
        size_t max_bytes;
        transport_sink_fn sink; /* NULL: the body is kept */
        void *sink_arg;
};

static int request_headers(const struct transport *transport, const struct request *request,
                           const char *url, struct curl_slist **list)
{
        int r = add_header(list, "Expect:"); /* no wait for 100 Continue */

        if (r >= 0 && request->etag)
                r = add_condition(list, request->etag);
        if (r >= 0 && may_have_token(&transport->options, url))
                r = add_header(list, transport->authorization);
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
        (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
}

/* What a failure of libcurl means to who runs the node; %s is the origin. */
static const struct failure {
        CURLcode code;
        int error;
        const char *sentence;
} failures[] = {
    {CURLE_URL_MALFORMAT, -EINVAL, "the address is not a proper URL"},
    {CURLE_COULDNT_RESOLVE_PROXY, -EHOSTUNREACH, "the name of the proxy can't be resolved"},
    {CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH, "the name can't be resolved"},
    {CURLE_COULDNT_CONNECT, -EHOSTUNREACH, "no connection"},
    {CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT, "no complete answer in time"},
    {CURLE_SSL_CONNECT_ERROR, -ECONNRESET, "the TLS handshake broke off"},
    {CURLE_PEER_FAILED_VERIFICATION, -EKEYREJECTED, "its certificate is not trusted"},
    {CURLE_SSL_ISSUER_ERROR, -EKEYREJECTED, "its certificate is not trusted"},
    {CURLE_SSL_CERTPROBLEM, -EKEYREJECTED, "client_cert or client_key can't be used"},
    {CURLE_SSL_CACERT_BADFILE, -EKEYREJECTED, "ca_file can't be read"},
    {CURLE_SSL_CIPHER, -EKEYREJECTED, "no common TLS cipher"},
    {CURLE_GOT_NOTHING, -ECONNRESET, "it closed the connection without an answer"},
    {CURLE_SEND_ERROR, -ECONNRESET, "the connection was cut"},
    {CURLE_RECV_ERROR, -ECONNRESET, "the connection was cut"},
    {CURLE_PARTIAL_FILE, -ECONNRESET, "the answer was cut short"},
    {CURLE_BAD_CONTENT_ENCODING, -EBADMSG, "the answer is not properly compressed"},
    {CURLE_WEIRD_SERVER_REPLY, -EBADMSG, "it does not speak HTTP"},
    {CURLE_UNSUPPORTED_PROTOCOL, -EBADMSG, "it does not speak HTTP"},
    {CURLE_OUT_OF_MEMORY, -ENOMEM, "out of memory"},
};

/* Texts of libcurl say more only where no number in them changes from one try to the next: the same
 * trouble has to be the same sentence, since each change is shouted once. */
static bool has_stable_detail(CURLcode code)
{
        return code != CURLE_OPERATION_TIMEDOUT && code != CURLE_PARTIAL_FILE &&
               code != CURLE_COULDNT_CONNECT;
}

static int fail_curl(struct transport *transport, CURLcode code, const char *url, struct diag *diag)
{
        CLEANUP(freep) char *origin = origin_text(url);
        const struct failure *failure = NULL;
        const char *detail = transport->error_text;
        long os_error = 0;

        for (size_t i = 0; i < ELEMENTSOF(failures) && !failure; i++)
                if (failures[i].code == code)
                        failure = &failures[i];
        (void)curl_easy_getinfo(transport->curl, CURLINFO_OS_ERRNO, &os_error);
        if (code == CURLE_COULDNT_CONNECT && os_error != 0)
                detail = strerror((int)os_error);
        else if (!has_stable_detail(code))
                detail = "";
        return diag_fail(diag, failure ? failure->error : -EIO, "%s: %s%s%s%s",
                         origin ? origin : url,
                         failure ? failure->sentence : curl_easy_strerror(code),
                         *detail ? " (" : "", detail, *detail ? ")" : "");
}

static int fail_size(const struct exchange *exchange, const char *url, struct diag *diag)
{
        CLEANUP(freep) char *origin = origin_text(url);

        if (exchange->n_header_bytes > TRANSPORT_HEADERS_MAX_BYTES)
                return diag_fail(diag, -EFBIG, "%s: the headers of its answer exceed %d bytes",
                                 origin ? origin : url, TRANSPORT_HEADERS_MAX_BYTES);
        return diag_fail(diag, -EFBIG, "%s: its answer is larger than %zu bytes, unpacked",
                         origin ? origin : url, exchange->max_bytes);
}

static int fail_redirect(const char *url, const char *location, struct diag *diag)
{
        CLEANUP(freep) char *from = origin_text(url);
        CLEANUP(freep) char *to = location ? origin_text(location) : NULL;

        return diag_fail(diag, -ELOOP,
                         "%s redirects to %s, which is not followed: set the address itself",
                         from ? from : url, to ? to : "an address that is no https URL");
}

static int exchange_once(struct transport *transport, const struct request *request,
                         const char *url, struct exchange *exchange, struct diag *diag)
{
        CLEANUP(curl_slist_freep) struct curl_slist *list = NULL;
        CURL *curl = transport->curl;
        CURLcode code;
        int r;

        r = request_headers(transport, request, url, &list);
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
                return fail_size(exchange, url, diag);
        return code == CURLE_OK ? 0 : fail_curl(transport, code, url, diag);
}

static int take_response(struct transport *transport, struct exchange *exchange,
                         struct transport_response *ret)
{
        struct transport_response response = {0};
        curl_off_t retry_after = 0;
        size_t size = exchange->body.length;
        int r;

        (void)curl_easy_getinfo(transport->curl, CURLINFO_RESPONSE_CODE, &response.status);
        (void)curl_easy_getinfo(transport->curl, CURLINFO_RETRY_AFTER, &retry_after);
        r = str_take(&exchange->body, &response.body.data);
        if (r < 0)
                return r;
        response.body.size = size;
        response.etag = TAKE_PTR(exchange->etag);
        response.retry_after_seconds = http_cap_retry_after(retry_after);
        *ret = response;
        return 0;
}

/* The next hop in *url when the answer is a redirect that may be followed; 0: it is none. */
static int next_hop(struct transport *transport, const struct request *request, char **url,
                    struct diag *diag)
{
        const char *location = NULL;
        long status = 0;
        char *copy;

        (void)curl_easy_getinfo(transport->curl, CURLINFO_RESPONSE_CODE, &status);
        if (status < 300 || status > 399 || status == 304)
                return 0;
        (void)curl_easy_getinfo(transport->curl, CURLINFO_REDIRECT_URL, &location);
        if (!location || url_check(location, NULL) < 0 || !origin_is_same(*url, location))
                return fail_redirect(*url, location, diag);
        if (request->body && status != 307 && status != 308)
                return fail_redirect(*url, location, diag);
        copy = strdup(location);
        if (!copy)
                return -ENOMEM;
        free(*url);
        *url = copy;
        return 1;
}

static int perform(struct transport *transport, const char *url, const struct request *request,
                   struct transport_response *ret, struct diag *diag)
{
        CLEANUP(freep) char *hop = strdup(url);
        int r;

        if (!hop)
                return -ENOMEM;
        r = url_check(url, diag);
        if (r < 0)
                return r;
        if (str_has_prefix(url, "file:"))
                return diag_fail(diag, -EINVAL, "'%s' is a file, not an address", url);
        for (int n_hops = 0; n_hops <= TRANSPORT_REDIRECTS_MAX; n_hops++) {
                CLEANUP(exchange_done)
                struct exchange exchange = {.max_bytes = request->max_bytes,
                                            .keep_body = !request->body,
                                            .curl = transport->curl,
                                            .sink = request->sink,
                                            .sink_arg = request->sink_arg,
                                            .diag = diag};

                r = exchange_once(transport, request, hop, &exchange, diag);
                if (r < 0)
                        return r;
                r = next_hop(transport, request, &hop, diag);
                if (r < 0)
                        return r;
                if (r == 0)
                        return take_response(transport, &exchange, ret);
        }
        return diag_fail(diag, -ELOOP, "%s redirects more than %d times", url,
                         TRANSPORT_REDIRECTS_MAX);
}

int transport_get(struct transport *transport, const char *url, const char *etag, size_t max_bytes,
                  struct transport_response *ret, struct diag *diag)
{
        struct request request = {.etag = etag, .max_bytes = max_bytes};

        return perform(transport, url, &request, ret, diag);
}

int transport_download(struct transport *transport, const char *url, transport_sink_fn sink,
                       void *arg, struct transport_response *ret, struct diag *diag)
{
        struct request request = {
            .sink = sink, .sink_arg = arg, .max_bytes = TRANSPORT_ANSWER_MAX_BYTES};

        return perform(transport, url, &request, ret, diag);
}

int transport_put(struct transport *transport, const char *url, const struct blob *body,
                  const char *const *headers, size_t n_headers, struct transport_response *ret,
                  struct diag *diag)
{
        struct request request = {.body = body,
                                  .headers = headers,
                                  .n_headers = n_headers,
                                  .max_bytes = TRANSPORT_ANSWER_MAX_BYTES};

        return perform(transport, url, &request, ret, diag);
}
