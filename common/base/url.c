/* SPDX-License-Identifier: Apache-2.0 */
#include "base/url.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_plain_text(const char *url)
{
        for (const char *c = url; *c; c++)
                if (*c <= ' ' || *c >= 0x7f || *c == '\\')
                        return false;
        return true;
}

/* The length of a host name or address at text; 0 when it isn't one. */
static size_t host_length(const char *text)
{
        static const char digits[] = "0123456789ABCDEFabcdef:.";
        static const char names[] =
            "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.-_";
        size_t length;

        if (text[0] != '[')
                return strspn(text, names);
        length = strspn(text + 1, digits);
        return length > 0 && text[length + 1] == ']' ? length + 2 : 0;
}

/* Whether what follows the host is at most a port, then a path or query. */
static bool is_tail(const char *text)
{
        if (*text == ':') {
                size_t length = strspn(text + 1, "0123456789");

                if (length == 0 || length > 5)
                        return false;
                text += length + 1;
        }
        return *text == '\0' || *text == '/' || *text == '?';
}

static bool is_loopback(const char *host, size_t length)
{
        char text[INET_ADDRSTRLEN + 1];
        struct in_addr address;

        if (length >= sizeof(text))
                return false;
        memcpy(text, host, length);
        text[length] = '\0';
        if (inet_pton(AF_INET, text, &address) == 1)
                return ntohl(address.s_addr) >> 24 == 127;
        return strcmp(text, "localhost") == 0 || strcmp(text, "[::1]") == 0;
}

int url_check(const char *url, struct diag *diag)
{
        bool is_http = str_has_prefix(url, "http://");
        const char *host = url + strlen(is_http ? "http://" : "https://");
        size_t length;

        if (strlen(url) > URL_MAX_BYTES)
                return diag_fail(diag, -EINVAL, "the URL is longer than %d bytes", URL_MAX_BYTES);
        if (!is_plain_text(url))
                return diag_fail(diag, -EINVAL,
                                 "'%s' has a character that URLs can't have; write it as %%XX",
                                 url);
        if (str_has_prefix(url, "file:///") && url[strlen("file:///")] != '\0')
                return 0;
        if (!is_http && !str_has_prefix(url, "https://"))
                return diag_fail(diag, -EINVAL, "'%s' is neither https:// nor file:///", url);
        length = host_length(host);
        if (length == 0 || !is_tail(host + length))
                return diag_fail(diag, -EINVAL, "'%s' has no plain host name after '//'", url);
        if (is_http && !is_loopback(host, length))
                return diag_fail(diag, -EINVAL,
                                 "'%s' is http, which only loopback hosts may use; use https", url);
        return 0;
}
