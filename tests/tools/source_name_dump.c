/* SPDX-License-Identifier: Apache-2.0 */

/* Reads lines "SOURCE SOURCE_VERSION BINARY_VERSION" and prints "NAME VERSION" of the source that
 * advisories speak of. For the oracle. */

#include "packages/source_name.h"

#include <stdio.h>

int main(void)
{
        char source[256], source_version[256], binary_version[256];

        while (scanf("%255s %255s %255s", source, source_version, binary_version) == 3) {
                CLEANUP(source_name_done) struct source_name found = {0};

                if (source_name_resolve(source, source_version, binary_version, &found) < 0)
                        return EXIT_FAILURE;
                printf("%s %s\n", found.name, found.version);
        }
        return EXIT_SUCCESS;
}
