/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/origin.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <string.h>
#include <strings.h>

static const struct scheme {
        const char *prefix;
        bool is_https;
        unsigned port;
} schemes[] = {
    {"https://", true, 443},
    {"http://", false, 80},
};

static const struct scheme *scheme_of(const char *url)
{
        for (size_t i = 0; i < ELEMENTSOF(schemes); i++)
                if (str_has_prefix(url, schemes[i].prefix))
                        return &schemes[i];
        return NULL;
}

static size_t host_length(const char *host)
{
        const char *end = host[0] == '[' ? strchr(host, ']') : NULL;

        return end ? (size_t)(end - host) + 1 : strcspn(host, ":/?#");
}

static int read_port(const char *text, unsigned *ret)
{
        char digits[6] = "";
        size_t length = strspn(text, "0123456789");
        unsigned long long port;
        int r;

        if (length == 0 || length >= sizeof(digits))
                return -EINVAL;
        memcpy(digits, text, length);
        r = str_to_uint64(digits, 65535, &port);
        if (r < 0)
                return r;
        *ret = (unsigned)port;
        return 0;
}

int origin_of(const char *url, struct origin *ret)
{
        const struct scheme *scheme = scheme_of(url);
        struct origin origin;
        int r;

        if (!scheme)
                return -EINVAL;
        origin.is_https = scheme->is_https;
        origin.port = scheme->port;
        origin.host = url + strlen(scheme->prefix);
        origin.host_length = host_length(origin.host);
        if (origin.host_length == 0 || memchr(origin.host, '@', origin.host_length))
                return -EINVAL;
        if (origin.host[origin.host_length] == ':') {
                r = read_port(origin.host + origin.host_length + 1, &origin.port);
                if (r < 0)
                        return r;
        }
        *ret = origin;
        return 0;
}

bool origin_is_same(const char *a, const char *b)
{
        struct origin left, right;

        if (origin_of(a, &left) < 0 || origin_of(b, &right) < 0)
                return false;
        return left.is_https == right.is_https && left.port == right.port &&
               left.host_length == right.host_length &&
               strncasecmp(left.host, right.host, left.host_length) == 0;
}

char *origin_text(const char *url)
{
        const struct scheme *scheme = scheme_of(url);
        struct origin origin;

        if (!scheme || origin_of(url, &origin) < 0)
                return NULL;
        if (origin.port == scheme->port)
                return str_format("%s%.*s", scheme->prefix, (int)origin.host_length, origin.host);
        return str_format("%s%.*s:%u", scheme->prefix, (int)origin.host_length, origin.host,
                          origin.port);
}
