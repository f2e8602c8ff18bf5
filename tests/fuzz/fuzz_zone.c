/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "policy/zone.h"

#include <string.h>

static const int64_t seconds[] = {
    INT64_MIN,  -62135596801, -2147483648, -1,         0,
    951782400,  1774746000,   1774751400,  1793491200, 2147483648,
    4102444800, 253402300800, INT64_MAX,
};

/* Whatever the file says, answers are in range and a local time that exists maps onto itself. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(zone_freep) struct zone *zone = NULL;
        struct diag diag = {0};
        int r = zone_parse((const char *)data, size, &zone, &diag);

        fuzz_check((r < 0) == (diag.text[0] != '\0'));
        for (size_t i = 0; r == 0 && i < sizeof(seconds) / sizeof(seconds[0]); i++) {
                int32_t offset = zone_offset_at(zone, seconds[i]);
                time_t time = zone_local_to_time(zone, seconds[i]);

                fuzz_check(offset >= -ZONE_OFFSET_SEC_MAX && offset <= ZONE_OFFSET_SEC_MAX);
                fuzz_check(strlen(zone_abbreviation_at(zone, seconds[i])) < ZONE_TYPES_MAX);
                if (seconds[i] > -62000000000 && seconds[i] < 253000000000)
                        fuzz_check(zone_local_to_time(zone, seconds[i] + offset) <= seconds[i]);
                fuzz_check(time > -62200000000 && time < 253500000000);
        }
        return 0;
}
