/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "base/str.h"
#include "cycle/origin.h"
#include "cycle/transport-private.h"

#include <ctype.h>
#include <string.h>

/* What would be sent back as If-None-Match stays one line of printable characters. */
static void check_etag(const char *etag)
{
        for (; etag && *etag; etag++)
                fuzz_check(isprint((unsigned char)*etag) && !isspace((unsigned char)*etag));
}

static void check_origin(const char *line)
{
        char *text = origin_text(line);
        struct origin origin = {0};

        fuzz_check((origin_of(line, &origin) < 0) == (text == NULL));
        fuzz_check(!text || origin_is_same(line, line));
        fuzz_check(!text || (origin.host_length > 0 && origin.port <= 65535));
        free(text);
}

/* An answer's header, line by line as libcurl gives it; each line as a redirect's address too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = size > 0 ? malloc(size) : NULL;
        struct exchange exchange = {.max_bytes = 1 << 16};
        char *line = text;

        if (text)
                memcpy(text, data, size);
        while (line && line < text + size) {
                char *newline = memchr(line, '\n', (size_t)(text + size - line));
                size_t length = (size_t)((newline ? newline + 1 : text + size) - line);
                char *address = strndup(line, length);

                if (transport_on_header(line, 1, length, &exchange) != length)
                        line = text + size;
                else
                        line += length;
                if (address)
                        check_origin(address);
                free(address);
        }
        check_etag(exchange.etag);
        fuzz_check(!exchange.is_too_large || exchange.n_header_bytes > TRANSPORT_HEADERS_MAX_BYTES);
        exchange_done(&exchange);
        free(text);
        return 0;
}
