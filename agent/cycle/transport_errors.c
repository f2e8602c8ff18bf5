/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/origin.h"
#include "cycle/transport-private.h"

#include <string.h>

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
    /* What libcurl says too of a header line beyond its own limit: no reason to end a cycle. */
    {CURLE_OUT_OF_MEMORY, -EFBIG, "a line of its answer is too long, or memory is short"},
};

/* Texts of libcurl say more only where nothing in them changes from one try to the next: the same
 * trouble has to be the same sentence, since each change is shouted once. */
static bool has_stable_detail(CURLcode code)
{
        static const CURLcode others[] = {CURLE_OPERATION_TIMEDOUT, CURLE_PARTIAL_FILE,
                                          CURLE_COULDNT_CONNECT,    CURLE_SEND_ERROR,
                                          CURLE_RECV_ERROR,         CURLE_GOT_NOTHING};

        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (code == others[i])
                        return false;
        return true;
}

/* With TLS 1.3 the handshake is over when the server finds that the client has no certificate. */
static bool may_lack_certificate(const struct transport *transport, CURLcode code, const char *url)
{
        struct origin origin;

        return (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR) &&
               !transport->options.client_cert && origin_of(url, &origin) >= 0 && origin.is_https;
}

static const char *choose_detail(const struct transport *transport, CURLcode code, const char *url)
{
        long os_error = 0;

        (void)curl_easy_getinfo(transport->curl, CURLINFO_OS_ERRNO, &os_error);
        if (code == CURLE_COULDNT_CONNECT && os_error != 0)
                return strerror((int)os_error);
        if (may_lack_certificate(transport, code, url))
                return "a server that wants a client certificate does this";
        return has_stable_detail(code) ? transport->error_text : "";
}

int transport_fail_curl(struct transport *transport, CURLcode code, const char *url,
                        struct diag *diag)
{
        CLEANUP(freep) char *origin = origin_text(url);
        const char *detail = choose_detail(transport, code, url);
        const struct failure *failure = NULL;

        for (size_t i = 0; i < ELEMENTSOF(failures) && !failure; i++)
                if (failures[i].code == code)
                        failure = &failures[i];
        return diag_fail(diag, failure ? failure->error : -EIO, "%s: %s%s%s%s",
                         origin ? origin : url,
                         failure ? failure->sentence : curl_easy_strerror(code),
                         *detail ? " (" : "", detail, *detail ? ")" : "");
}

int transport_fail_size(const struct exchange *exchange, const char *url, struct diag *diag)
{
        CLEANUP(freep) char *origin = origin_text(url);

        if (exchange->n_header_bytes > TRANSPORT_HEADERS_MAX_BYTES)
                return diag_fail(diag, -EFBIG, "%s: the headers of its answer exceed %d bytes",
                                 origin ? origin : url, TRANSPORT_HEADERS_MAX_BYTES);
        return diag_fail(diag, -EFBIG, "%s: its answer is larger than %zu bytes, unpacked",
                         origin ? origin : url, exchange->max_bytes);
}

int transport_fail_redirect(const char *url, const char *location, struct diag *diag)
{
        CLEANUP(freep) char *from = origin_text(url);
        CLEANUP(freep) char *to = location ? origin_text(location) : NULL;

        return diag_fail(diag, -ELOOP,
                         "%s redirects to %s, which is not followed: set the address itself",
                         from ? from : url, to ? to : "an address that is no https URL");
}
