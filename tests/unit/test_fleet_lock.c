/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "cycle/fleet_lock.h"

#include <string.h>

static void test_body(void **state)
{
        CLEANUP(freep) char *text = NULL;

        (void)state;
        assert_int_equal(fleet_lock_body("node-7", "web", &text), 0);
        assert_string_equal(text, "{\"client_params\":{\"id\":\"node-7\",\"group\":\"web\"}}");
}

static const struct {
        const char *label, *answer, *want;
} cases[] = {
    {"nothing", "", ""},
    {"as the protocol says", "{\"kind\":\"full\",\"value\":\"all slots are taken\"}",
     ": all slots are taken"},
    {"only its kind", "{\"kind\":\"full\"}", ": full"},
    {"a page of a proxy", "<html>502</html>", ""},
    {"another shape", "[1]", ""},
    {"no text", "{\"value\":7,\"kind\":null}", ""},
    {"what would move a cursor", "{\"value\":\"a\\u001b[2J\\nb\"}", ": a\\x1b[2J\\x0ab"},
};

static void test_reason(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(freep)
                char *reason = fleet_lock_reason(cases[i].answer, strlen(cases[i].answer));

                if (strcmp(reason, cases[i].want) != 0)
                        fail_msg("%s: '%s'", cases[i].label, reason);
        }
}

static void test_long_reason(void **state)
{
        CLEANUP(freep) char *answer = malloc(9000);
        CLEANUP(freep) char *reason = NULL;
        size_t length = 0;

        (void)state;
        memcpy(answer, "{\"value\":\"", 10);
        memset(answer + 10, 'x', 8000);
        memcpy(answer + 8010, "\"}", 3);
        length = strlen(answer);
        reason = fleet_lock_reason(answer, length);
        assert_in_range(strlen(reason), 100, 400);
        assert_non_null(reason = (free(reason), fleet_lock_reason(NULL, 0)));
        assert_string_equal(reason, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_body),
                                           cmocka_unit_test(test_reason),
                                           cmocka_unit_test(test_long_reason)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
