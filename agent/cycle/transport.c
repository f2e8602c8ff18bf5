/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/transport.h"

#include "base/url.h"
#include "cycle/http.h"
#include "cycle/origin.h"
#include "cycle/transport-private.h"

#include <string.h>

const struct transport_limits transport_default_limits = {
    .connect_timeout_seconds = 20,
    .total_timeout_seconds = 300,
    .download_timeout_seconds = 3600,
    .stall_timeout_seconds = 30,
    .stall_bytes = 64,
};

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
        (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, transport_on_body);
        (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, transport_on_header);
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
                return transport_fail_redirect(*url, location, diag);
        if (request->body && status != 307 && status != 308)
                return transport_fail_redirect(*url, location, diag);
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
                                            .keep_body = !request->body || request->is_post,
                                            .curl = transport->curl,
                                            .sink = request->sink,
                                            .sink_arg = request->sink_arg,
                                            .diag = diag};

                r = transport_exchange(transport, request, hop, &exchange, diag);
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

int transport_post(struct transport *transport, const char *url, const struct blob *body,
                   const char *const *headers, size_t n_headers, size_t max_bytes,
                   struct transport_response *ret, struct diag *diag)
{
        struct request request = {.body = body,
                                  .headers = headers,
                                  .n_headers = n_headers,
                                  .max_bytes = max_bytes,
                                  .is_post = true};

        return perform(transport, url, &request, ret, diag);
}
