/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

static EVP_MD_CTX *context_of(struct digest *digest)
{
        return (EVP_MD_CTX *)digest;
}

struct digest *digest_new(void)
{
        EVP_MD_CTX *context = EVP_MD_CTX_new();

        if (context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
                EVP_MD_CTX_free(context);
                context = NULL;
        }
        return (struct digest *)context;
}

void digest_free(struct digest *digest)
{
        EVP_MD_CTX_free(context_of(digest));
}

int digest_add(struct digest *digest, const void *bytes, size_t size)
{
        return EVP_DigestUpdate(context_of(digest), bytes, size) == 1 ? 0 : -ENOMEM;
}

void digest_to_text(const unsigned char sum[static SHA256_SIZE], char ret[static SHA256_TEXT_SIZE])
{
        for (size_t i = 0; i < SHA256_SIZE; i++)
                (void)snprintf(ret + i * 2, 3, "%02x", sum[i]);
}

int digest_finish(struct digest *digest, char ret[static SHA256_TEXT_SIZE])
{
        unsigned char sum[EVP_MAX_MD_SIZE];
        unsigned size = 0;

        if (EVP_DigestFinal_ex(context_of(digest), sum, &size) != 1)
                return -ENOMEM;
        digest_to_text(sum, ret);
        return 0;
}

int digest_of(const void *bytes, size_t size, char ret[static SHA256_TEXT_SIZE])
{
        CLEANUP(digest_freep) struct digest *digest = digest_new();
        int r;

        if (!digest)
                return -ENOMEM;
        r = digest_add(digest, bytes, size);
        if (r < 0)
                return r;
        return digest_finish(digest, ret);
}

int digest_hmac(const void *key, size_t key_size, const char *text,
                unsigned char ret[static SHA256_SIZE])
{
        unsigned size = SHA256_SIZE;

        return HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)text, strlen(text),
                    ret, &size)
                   ? 0
                   : -ENOMEM;
}
