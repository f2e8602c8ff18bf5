/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/cleanup.h"
#include "cycle/origin.h"

static void test_same_origin(void **state)
{
        static const struct {
                const char *label, *a, *b;
                bool same;
        } cases[] = {
            {"equal", "https://a.example/x", "https://a.example/y", true},
            {"case of the host", "https://A.Example/x", "https://a.example/x", true},
            {"default port written out", "https://a.example:443/", "https://a.example/", true},
            {"default port of http", "http://localhost:80/", "http://localhost", true},
            {"query instead of path", "https://a.example?x", "https://a.example/", true},
            {"other port", "https://a.example:444/", "https://a.example/", false},
            {"other scheme", "http://localhost:443/", "https://localhost/", false},
            {"other host", "https://a.example/", "https://b.example/", false},
            {"longer host", "https://a.example/", "https://a.example.evil/", false},
            {"host as user name", "https://a.example/", "https://a.example@evil/", false},
            {"IPv6", "https://[::1]:8443/a", "https://[::1]:8443/b", true},
            {"IPv6 of another port", "https://[::1]:8443/a", "https://[::1]/a", false},
            {"file has none", "file:///a", "file:///a", false},
            {"port too large", "https://a:70000/", "https://a:70000/", false},
            {"no host", "https:///a", "https:///a", false},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (origin_is_same(cases[i].a, cases[i].b) != cases[i].same)
                        fail_msg("%s", cases[i].label);
}

static void test_text(void **state)
{
        static const struct {
                const char *url, *text;
        } cases[] = {
            {"https://a.example/secret?token=1", "https://a.example"},
            {"https://a.example:8443/x", "https://a.example:8443"},
            {"http://[::1]:81", "http://[::1]:81"},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(freep) char *text = origin_text(cases[i].url);

                assert_non_null(text);
                assert_string_equal(text, cases[i].text);
        }
        assert_null(origin_text("file:///etc/passwd"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_same_origin),
            cmocka_unit_test(test_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
