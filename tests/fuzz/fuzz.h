/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What every fuzz target defines, for libFuzzer and for replay.c. Gives 0. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As assert(), but in every build. */
static inline void fuzz_check(int holds)
{
        if (!holds)
                abort();
}
