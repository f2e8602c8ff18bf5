/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "policy/manifest.h"

#include <string.h>

/* tests/data/keys/ed25519.pem, which has signed no manifest but the one with this digest. */
static char trusted_key[] = "MCowBQYDK2VwAyEAkwgVtatzpQZQqlotCr+n9UIm354uS7v9dwtnGK5GNCA=";
static const char signed_digest[] =
    "2a6e83f19fe9922007b258491e5dcc7466154cdf88f720804e6bd5da72ab9340";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *keys[] = {trusted_key};
        const struct feed feed = {.id = (char *)"debian-12",
                                  .manifest_url = (char *)"https://h.example/f/m.json",
                                  .keys = {.items = keys, .n_items = 1}};
        const struct manifest_expectation expectation = {.feed = &feed, .now = 1796083200};
        CLEANUP(manifest_freep) struct manifest *manifest = NULL;
        CLEANUP(blob_done) struct blob bytes = {0};
        enum refusal refusal = REFUSAL_NONE;
        struct diag diag = {0};
        int r;

        fuzz_check(blob_copy(&bytes, data, size) == 0);
        r = manifest_open(&bytes, &expectation, &manifest, &refusal, &diag);
        fuzz_check((r < 0) == !manifest && (r < 0) == (refusal != REFUSAL_NONE) &&
                   (r < 0) == (diag.text[0] != '\0'));
        if (manifest)
                fuzz_check(strcmp(manifest->digest, signed_digest) == 0);
        return 0;
}
