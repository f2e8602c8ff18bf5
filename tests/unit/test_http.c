/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "cycle/http.h"

#include <stdio.h>
#include <string.h>

static void test_etag(void **state)
{
        static const struct {
                const char *label, *text, *etag; /* NULL: none */
        } cases[] = {
            {"strong", " \"abc\"\r\n", "\"abc\""}, {"weak", "\tW/\"abc\" \r\n", "W/\"abc\""},
            {"empty one", "\"\"", "\"\""},         {"without quotes", " abc\r\n", NULL},
            {"empty header", " \r\n", NULL},       {"one quote", "\"", NULL},
            {"a blank inside", "\"a b\"", NULL},   {"a line end inside", "\"a\r\nX: \"", NULL},
            {"not ASCII", "\"\xc3\xa4\"", NULL},
        };
        char longest[HTTP_ETAG_MAX_BYTES + 2];

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(freep)
                char *etag = http_etag_value(cases[i].text, strlen(cases[i].text));

                if (!cases[i].etag != !etag || (etag && strcmp(etag, cases[i].etag) != 0))
                        fail_msg("%s: %s", cases[i].label, etag ? etag : "none");
        }
        memset(longest, '"', sizeof(longest));
        assert_null(http_etag_value(longest, HTTP_ETAG_MAX_BYTES + 1));
        free(http_etag_value(longest, HTTP_ETAG_MAX_BYTES));
}

static void test_retry_after(void **state)
{
        static const struct {
                int64_t seconds, capped;
        } cases[] = {
            {-1, 0},
            {0, 0},
            {1, 1},
            {3600, 3600},
            {HTTP_RETRY_AFTER_MAX_SECONDS, HTTP_RETRY_AFTER_MAX_SECONDS},
            {HTTP_RETRY_AFTER_MAX_SECONDS + 1, HTTP_RETRY_AFTER_MAX_SECONDS},
            {INT64_MAX, HTTP_RETRY_AFTER_MAX_SECONDS},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(http_cap_retry_after(cases[i].seconds), cases[i].capped);
}

static void test_token(void **state)
{
        struct diag diag = {0};

        (void)state;
        assert_int_equal(http_check_token("abc.DEF-123_~+/=", NULL), 0);
        assert_int_equal(http_check_token("", &diag), -EINVAL);
        diag_clear(&diag);
        assert_int_equal(http_check_token("secret\r\nX-Evil: 1", &diag), -EINVAL);
        assert_null(strstr(diag.text, "secret"));
        assert_int_equal(http_check_token("two words", NULL), -EINVAL);
        assert_int_equal(http_check_token("t\xc3\xb6ken", NULL), -EINVAL);
}

static void test_status_sentence(void **state)
{
        static const struct {
                long status;
                const char *text;
        } cases[] = {
            {404, "https://a.example answered 404 (there is nothing at this address): check "
                  "policy_url"},
            {503, "https://a.example answered 503 (it is not available now): check policy_url"},
            {599, "https://a.example answered 599 (it failed): check policy_url"},
            {299, "https://a.example answered 299 (that is not what was asked for): check "
                  "policy_url"},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct diag diag = {0};

                assert_int_equal(http_fail_status(&diag, "https://a.example/node?x=1",
                                                  cases[i].status, "policy_url"),
                                 -EREMOTEIO);
                assert_string_equal(diag.text, cases[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_etag),
            cmocka_unit_test(test_retry_after),
            cmocka_unit_test(test_token),
            cmocka_unit_test(test_status_sentence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
