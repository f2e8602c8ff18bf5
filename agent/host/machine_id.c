/* SPDX-License-Identifier: Apache-2.0 */
#include "host/machine_id.h"

#include "base/digest.h"

#include <stdbool.h>

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { ID_BYTES = 16, SHA256_BYTES = 32, HMAC_BLOCK_BYTES = 64 };

/* Fixed for ever: another one would rename every node. */
static const uint8_t app_id[ID_BYTES] = {0x63, 0x81, 0xce, 0x54, 0x27, 0x90, 0x49, 0x0c,
                                         0x9e, 0x8a, 0x82, 0xff, 0x34, 0x7d, 0x4f, 0xe7};

static void bytes_from_hex(const char *text, size_t n_bytes, uint8_t *ret)
{
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < n_bytes; i++) {
                const char *high = strchr(digits, tolower((unsigned char)text[2 * i]));
                const char *low = strchr(digits, tolower((unsigned char)text[2 * i + 1]));

                ret[i] = (uint8_t)((high - digits) << 4 | (low - digits));
        }
}

/* One half of HMAC: the digest of the padded key and what follows it. */
static int padded_digest(const uint8_t key[static ID_BYTES], uint8_t pad, const uint8_t *bytes,
                         size_t size, uint8_t ret[static SHA256_BYTES])
{
        uint8_t input[HMAC_BLOCK_BYTES + SHA256_BYTES];
        char text[SHA256_TEXT_SIZE];
        int r;

        memset(input, pad, HMAC_BLOCK_BYTES);
        for (size_t i = 0; i < ID_BYTES; i++)
                input[i] ^= key[i];
        memcpy(input + HMAC_BLOCK_BYTES, bytes, size);
        r = digest_of(input, HMAC_BLOCK_BYTES + size, text);
        if (r < 0)
                return r;
        bytes_from_hex(text, SHA256_BYTES, ret);
        return 0;
}

static bool is_id(const char *text)
{
        size_t n = strspn(text, "0123456789abcdefABCDEF");

        if (n != MACHINE_ID_TEXT_SIZE - 1 || (text[n] != '\0' && text[n] != '\n'))
                return false;
        return strspn(text, "0") < n;
}

int machine_id_derive(const char *text, char ret[static MACHINE_ID_TEXT_SIZE])
{
        uint8_t machine_id[ID_BYTES], inner[SHA256_BYTES], outer[SHA256_BYTES];
        int r;

        if (!is_id(text))
                return -ENOMEDIUM;
        bytes_from_hex(text, ID_BYTES, machine_id);
        r = padded_digest(machine_id, 0x36, app_id, ID_BYTES, inner);
        if (r >= 0)
                r = padded_digest(machine_id, 0x5c, inner, SHA256_BYTES, outer);
        if (r < 0)
                return r;

        outer[6] = (outer[6] & 0x0f) | 0x40; /* a random UUID (RFC 9562, version 4) */
        outer[8] = (outer[8] & 0x3f) | 0x80;
        for (size_t i = 0; i < ID_BYTES; i++)
                snprintf(ret + 2 * i, 3, "%02x", outer[i]);
        return 0;
}
