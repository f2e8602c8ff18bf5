/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/timetext.h"
#include "decide/ledger.h"

#include <string.h>

#define A                                                                                          \
        "{\"name\":\"a\",\"arch\":\"all\",\"version\":\"1\",\"first_seen\":\"2026-01-02T00:00:"    \
        "00Z\"}"
#define B                                                                                          \
        "{\"name\":\"b\",\"arch\":\"all\",\"version\":\"1\",\"first_seen\":\"2026-01-03T00:00:"    \
        "00Z\"}"
#define A_EARLIER                                                                                  \
        "{\"name\":\"a\",\"arch\":\"all\",\"version\":\"1\",\"first_seen\":\"2026-01-01T00:00:"    \
        "00Z\"}"

static const struct {
        const char *label, *text;
        const char *damage; /* NULL: none */
        const char *a, *b;  /* first seen; NULL: never */
        const char *mended;
} cases[] = {
    {"empty", "", NULL, NULL, NULL, ""},
    {"two", A "\n" B "\n", NULL, "2026-01-02", "2026-01-03", A "\n" B "\n"},
    {"the last line has no end", A "\n" B, NULL, "2026-01-02", "2026-01-03", A "\n" B "\n"},
    {"cut short", A "\n{\"name\":\"b\",\"arch\":\"al", "1 of 2 lines", "2026-01-02", NULL, A "\n"},
    {"cut in its date",
     A "\n{\"name\":\"b\",\"arch\":\"all\",\"version\":\"1\",\"first_seen\":\"2026-01",
     "1 of 2 lines", "2026-01-02", NULL, A "\n"},
    {"cut, and then went on", "{\"name\":\"a\"" A "\n" B "\n", "1 of 2 lines", NULL, "2026-01-03",
     B "\n"},
    {"the oldest counts", A "\n" A_EARLIER "\n", NULL, "2026-01-01", NULL, A "\n" A_EARLIER "\n"},
    {"noise", "\x01\xff\n\n[]\n7\nnull\n" A "\n", "5 of 6 lines", "2026-01-02", NULL, A "\n"},
    {"a negative year",
     "{\"name\":\"a\",\"arch\":\"all\",\"version\":\"1\",\"first_seen\":\"-0044-03-15T00:00:00Z\"}"
     "\n",
     "1 of 1 lines", NULL, NULL, ""},
    {"a zero date",
     "{\"name\":\"a\",\"arch\":\"all\",\"version\":\"1\",\"first_seen\":\"1970-01-01T00:00:00Z\"}"
     "\n",
     "1 of 1 lines", NULL, NULL, ""},
    {"a number for a name",
     "{\"name\":1,\"arch\":\"all\",\"version\":\"1\",\"first_seen\":\"2026-01-02T00:00:00Z\"}\n",
     "1 of 1 lines", NULL, NULL, ""},
};

static void check_seen(const char *label, const struct ledger *ledger, const char *name,
                       const char *want)
{
        time_t seen = ledger_first_seen(ledger, name, "all", "1");
        char text[TIME_TEXT_SIZE] = "never";

        if (seen != 0)
                (void)time_to_rfc3339(seen, text);
        if (want ? strncmp(text, want, strlen(want)) != 0 : seen != 0)
                fail_msg("%s: %s was first seen %s", label, name, text);
}

static void run_case(size_t i)
{
        CLEANUP(ledger_freep) struct ledger *ledger = NULL;
        CLEANUP(freep) char *damage = NULL;
        CLEANUP(freep) char *mended = NULL;
        const char *label = cases[i].label, *text = cases[i].text;
        struct diag diag = {0};

        assert_int_equal(ledger_parse(text, strlen(text), &ledger, &damage, &diag), 0);
        if (cases[i].damage ? !damage || !strstr(damage, cases[i].damage) : damage != NULL)
                fail_msg("%s: '%s'", label, damage ?: "no damage");
        check_seen(label, ledger, "a", cases[i].a);
        check_seen(label, ledger, "b", cases[i].b);
        assert_int_equal(ledger_mend(text, strlen(text), &mended), 0);
        if (strcmp(mended, cases[i].mended) != 0)
                fail_msg("%s: mended '%s'", label, mended);
}

static void test_cases(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                run_case(i);
}

/* Cut anywhere: never an entry that the whole does not have, never an earlier date. */
static void test_cut_anywhere(void **state)
{
        static const char whole[] = A "\n" B "\n";

        (void)state;
        for (size_t size = 0; size < sizeof(whole); size++) {
                CLEANUP(ledger_freep) struct ledger *ledger = NULL;
                CLEANUP(freep) char *damage = NULL;
                CLEANUP(freep) char *part = strndup(whole, size);
                bool has_b;

                assert_int_equal(ledger_parse(part, size, &ledger, &damage, NULL), 0);
                has_b = size >= sizeof(A "\n" B) - 1;
                check_seen("cut", ledger, "a", size >= sizeof(A) - 1 ? "2026-01-02" : NULL);
                check_seen("cut", ledger, "b", has_b ? "2026-01-03" : NULL);
        }
}

static void test_too_large(void **state)
{
        CLEANUP(ledger_freep) struct ledger *ledger = NULL;
        CLEANUP(freep) char *damage = NULL;
        struct diag diag = {0};

        (void)state;
        assert_int_equal(
            ledger_parse("", (size_t)LEDGER_SIZE_MAX_BYTES + 1, &ledger, &damage, &diag), -EFBIG);
        assert_non_null(strstr(diag.text, "the ledger is larger than"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_cases),
            cmocka_unit_test(test_cut_anywhere),
            cmocka_unit_test(test_too_large),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
