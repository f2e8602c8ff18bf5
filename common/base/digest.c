/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include <openssl/evp.h>
#include <stdio.h>

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

int digest_finish(struct digest *digest, char ret[static SHA256_TEXT_SIZE])
{
        unsigned char sum[EVP_MAX_MD_SIZE];
        unsigned size = 0;

        if (EVP_DigestFinal_ex(context_of(digest), sum, &size) != 1)
                return -ENOMEM;
        for (unsigned i = 0; i < size && i < SHA256_TEXT_SIZE / 2; i++)
                (void)snprintf(ret + (size_t)i * 2, 3, "%02x", sum[i]);
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
