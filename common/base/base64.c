/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(const void *bytes, size_t size, char **ret)
{
        const unsigned char *in = bytes;
        char *out, *p;

        out = p = malloc((size + 2) / 3 * 4 + 1);
        if (!out)
                return -ENOMEM;
        for (size_t i = 0; i < size; i += 3) {
                size_t n = size - i < 3 ? size - i : 3;
                uint32_t v = (uint32_t)in[i] << 16 | (n > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                             (n > 2 ? in[i + 2] : 0);

                *p++ = alphabet[v >> 18];
                *p++ = alphabet[v >> 12 & 63];
                *p++ = n > 1 ? alphabet[v >> 6 & 63] : '=';
                *p++ = n > 2 ? alphabet[v & 63] : '=';
        }
        *p = '\0';
        *ret = out;
        return 0;
}

static int digit_value(char c)
{
        const char *at;

        if (c == '-')
                return 62;
        if (c == '_')
                return 63;
        at = c ? strchr(alphabet, c) : NULL;
        return at ? (int)(at - alphabet) : -1;
}

/* How many characters before the padding; -EINVAL when the padding is impossible. */
static int unpadded_length(const char *text, size_t length, size_t *ret)
{
        size_t n = length;

        while (n > 0 && length - n < 2 && text[n - 1] == '=')
                n--;
        if (n % 4 == 1 || (n != length && length % 4 != 0))
                return -EINVAL;
        *ret = n;
        return 0;
}

int base64_decode(const char *text, size_t length, struct blob *ret)
{
        CLEANUP(blob_done) struct blob out = {0};
        uint32_t bits = 0;
        unsigned n_bits = 0;
        size_t n, size = 0;
        int r;

        r = unpadded_length(text, length, &n);
        if (r < 0)
                return r;
        out.data = malloc(n / 4 * 3 + 4);
        if (!out.data)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                int value = digit_value(text[i]);

                if (value < 0)
                        return -EINVAL;
                bits = bits << 6 | (uint32_t)value;
                n_bits += 6;
                if (n_bits >= 8) {
                        n_bits -= 8;
                        out.data[size++] = (char)(bits >> n_bits & 0xff);
                }
        }
        if (bits & ((1U << n_bits) - 1))
                return -EINVAL;
        out.data[size] = '\0';
        blob_done(ret);
        *ret = (struct blob){.data = TAKE_PTR(out.data), .size = size};
        return 0;
}
