/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "packages/cvss.h"

#include <string.h>

/* A vector has a score in range, or a sentence says why not. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = strndup((const char *)data, size);
        struct diag diag = {0};
        int tenths = -1;
        int r = text ? cvss_score(text, &tenths, &diag) : -ENOMEM;

        free(text);
        fuzz_check((r < 0) == (diag.text[0] != '\0'));
        fuzz_check(r < 0 ? tenths == -1 : tenths >= 0 && tenths <= CVSS_SCORE_MAX_TENTHS);
        return 0;
}
