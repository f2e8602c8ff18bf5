/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "policy/rrule.h"

#include <string.h>

/* A rule that parses happens: with an anchor or without, unless INTERVAL leaves nothing of it. */
static void check_happens(const struct rrule *rule)
{
        struct date anchor = {0};
        bool happens = false;

        if (rrule_anchor_reason(rule))
                return;
        for (int64_t day = 10957; day < 10957 + 28 * 366 && !happens; day++)
                happens = rrule_matches(rule, anchor, date_from_days(day));
        fuzz_check(happens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct date anchor = {2026, 1, 31};
        char *text = strndup((const char *)data, size);
        struct diag diag = {0};
        struct rrule rule;
        int r = text ? rrule_parse(text, &rule, &diag) : -ENOMEM;

        free(text);
        fuzz_check((r < 0) == (diag.text[0] != '\0'));
        if (r < 0)
                return 0;
        check_happens(&rule);
        for (int64_t day = 20400; day < 20400 + 800; day++)
                (void)rrule_matches(&rule, anchor, date_from_days(day));
        return 0;
}
