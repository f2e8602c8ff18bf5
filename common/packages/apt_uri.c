/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/apt_uri.h"

#include "base/str.h"

#include <string.h>

static const char *skip_authority(const char *at)
{
        bool bracket = false;

        for (; *at && (*at != '/' || bracket); at++) {
                if (*at == '[')
                        bracket = true;
                else if (*at == ']')
                        bracket = false;
        }
        return at;
}

/* "user:password@[::1]:8080" */
static void split_authority(const char *at, const char *end, struct apt_uri *uri)
{
        const char *user_end = memrchr(at, '@', (size_t)(end - at));
        const char *host = user_end ? user_end + 1 : at, *host_end = end, *port = end;

        if (host < end && *host == '[') {
                const char *close = memchr(host, ']', (size_t)(end - host));

                host++;
                host_end = close ? close : end;
                port = close ? close + 1 : end;
        } else {
                const char *colon = memrchr(host, ':', (size_t)(end - host));

                if (colon)
                        host_end = port = colon;
        }
        if (port < end && *port == ':')
                port++;
        uri->host = strndup(host, (size_t)(host_end - host));
        uri->port = strndup(port, (size_t)(end - port));
}

int apt_uri_parse(const char *text, struct apt_uri *ret)
{
        CLEANUP(apt_uri_done) struct apt_uri uri = {0};
        const char *colon = strchr(text, ':'), *at, *path;

        if (!colon)
                return -EINVAL;
        uri.scheme = strndup(text, (size_t)(colon - text));
        at = colon + (str_has_prefix(colon, "://") ? 3 : 1);
        path = skip_authority(at);
        split_authority(at, path, &uri);
        uri.path = *path == '/' ? strdup(path) : str_format("/%s", path);
        if (!uri.scheme || !uri.host || !uri.port || !uri.path)
                return -ENOMEM;
        *ret = uri;
        uri = (struct apt_uri){0};
        return 0;
}

static void append_authority(struct str *text, const struct apt_uri *uri, bool brackets)
{
        /* An IPv6 address, or the name of a disk. */
        bool is_special = brackets && strpbrk(uri->host, "/:");

        str_appendf(text, is_special ? "[%s]" : "%s", uri->host);
        if (uri->port[0])
                str_appendf(text, ":%s", uri->port);
}

int apt_uri_to_text(const struct apt_uri *uri, char **ret)
{
        struct str text = {0};

        str_appendf(&text, "%s:", uri->scheme);
        if (uri->host[0]) {
                str_append(&text, "//");
                append_authority(&text, uri, true);
        }
        str_append(&text, uri->path);
        if (!str_has_suffix(uri->path, "/"))
                str_append_char(&text, '/');
        return str_take(&text, ret);
}

static void append_quoted(struct str *text, const char *from, const char *bad)
{
        for (; *from; from++) {
                unsigned char c = (unsigned char)*from;

                if (c <= 0x20 || c >= 0x7f || c == '%' || strchr(bad, c))
                        str_appendf(text, "%%%02x", c);
                else
                        str_append_char(text, (char)c);
        }
}

int apt_uri_to_file_name(const char *text, char **ret)
{
        CLEANUP(apt_uri_done) struct apt_uri uri = {0};
        CLEANUP(freep) char *plain = NULL;
        struct str whole = {0}, name = {0};
        int r;

        r = apt_uri_parse(text, &uri);
        if (r < 0)
                return r;
        append_authority(&whole, &uri, false);
        str_append(&whole, uri.path);
        r = str_take(&whole, &plain);
        if (r < 0)
                return r;
        append_quoted(&name, plain, "\\|{}[]<>\"^~_=!@#$%^&*");
        r = str_take(&name, ret);
        if (r < 0)
                return r;
        for (char *at = *ret; *at; at++)
                if (*at == '/')
                        *at = '_';
        return 0;
}

int apt_uri_encode(const char *text, char **ret)
{
        struct str encoded = {0};

        append_quoted(&encoded, text, "+~ ");
        return str_take(&encoded, ret);
}

void apt_uri_done(struct apt_uri *uri)
{
        free(uri->scheme);
        free(uri->host);
        free(uri->port);
        free(uri->path);
        *uri = (struct apt_uri){0};
}
