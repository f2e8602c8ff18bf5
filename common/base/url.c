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

/* ---- references ---- */

static bool has_parent_step(const char *path)
{
        for (const char *p = path; p; p = strchr(p, '/')) {
                p += *p == '/';
                if (strncmp(p, "..", 2) == 0 && strchr("/?#", p[2]))
                        return true;
        }
        return false;
}

/* How much of base stands before a reference: all up to its host's end or its last slash. */
static size_t base_length(const char *base, bool from_root)
{
        const char *host = strstr(base, "://");
        size_t length, end;

        host = host ? host + strlen("://") : base;
        length = (size_t)(host - base) + strcspn(host, "/?#");
        if (from_root)
                return length;
        end = length + strcspn(base + length, "?#");
        while (end > length && base[end - 1] != '/')
                end--;
        return end;
}

int url_resolve(const char *base, const char *reference, char **ret, struct diag *diag)
{
        CLEANUP(freep) char *url = NULL;
        size_t length;
        int r;

        if (strstr(reference, "://")) {
                url = strdup(reference);
        } else {
                if (str_has_prefix(reference, "//") || has_parent_step(reference) ||
                    strcspn(reference, ":") < strcspn(reference, "/?#"))
                        return diag_fail(diag, -EINVAL,
                                         "'%s' is neither a URL nor a plain path beside '%s'",
                                         reference, base);
                length = base_length(base, reference[0] == '/');
                url = str_format("%.*s%s%s", (int)length, base,
                                 reference[0] == '/' || base[length - 1] == '/' ? "" : "/",
                                 reference);
        }
        if (!url)
                return -ENOMEM;
        r = url_check(url, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(url);
        return 0;
}
