/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/url.h"

#include <string.h>

static const struct {
        const char *url, *want; /* part of the error; NULL: accepted */
} cases[] = {
    {"https://patch.example/a/b?c=1&d=%20#e", NULL},
    {"https://patch.example", NULL},
    {"https://patch.example:8443", NULL},
    {"https://patch.example?x", NULL},
    {"https://192.0.2.1/x", NULL},
    {"https://[2001:db8::1]:443/x", NULL},
    {"http://localhost/x", NULL},
    {"http://localhost:80", NULL},
    {"http://127.0.0.1:8080/x", NULL},
    {"http://127.255.0.9/x", NULL},
    {"http://[::1]/x", NULL},
    {"file:///srv/feed.json", NULL},
    {"", "neither https:// nor file:///"},
    {"/srv/feed.json", "neither"},
    {"HTTPS://patch.example/", "neither"},
    {"ftp://patch.example/", "neither"},
    {"file://srv/feed", "neither"},
    {"file:///", "neither"},
    {"https://", "no plain host name"},
    {"https:///x", "no plain host name"},
    {"https://user@patch.example/", "no plain host name"},
    {"https://user:pw@patch.example/", "no plain host name"},
    {"https://patch.example:/", "no plain host name"},
    {"https://patch.example:123456/", "no plain host name"},
    {"https://patch.example:80x/", "no plain host name"},
    {"https://[::1/x", "no plain host name"},
    {"https://[]/x", "no plain host name"},
    {"http://patch.example/", "is http"},
    {"http://localhost.example/", "is http"},
    {"http://127.0.0.1.example/", "is http"},
    {"http://127.1/", "is http"},
    {"http://128.0.0.1/", "is http"},
    {"http://[::2]/", "is http"},
    {"http://localhost@patch.example/", "no plain host name"},
    {"https://patch.example/a b", "a character that URLs can't have"},
    {"https://patch.example/\n", "a character that URLs can't have"},
    {"https://patch.example\\@evil.example/", "a character that URLs can't have"},
    {"https://patch.example/\xc3\xbc", "a character that URLs can't have"},
};

static void test_check(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct diag diag = {0};
                int r = url_check(cases[i].url, &diag);

                if (cases[i].want ? r != -EINVAL || !strstr(diag.text, cases[i].want) : r != 0)
                        fail_msg("'%s': %d '%s'", cases[i].url, r, diag.text);
        }
}

static void test_length(void **state)
{
        char url[URL_MAX_BYTES + 2] = "https://patch.example/";

        (void)state;
        memset(url + strlen(url), 'x', URL_MAX_BYTES - strlen(url));
        assert_int_equal(url_check(url, NULL), 0);
        url[URL_MAX_BYTES] = 'x';
        assert_int_equal(url_check(url, NULL), -EINVAL);
}

static const struct {
        const char *base, *reference, *want, *error; /* part of the error; NULL: accepted */
} references[] = {
    {"https://h/a/m.json", "f.zst", "https://h/a/f.zst", NULL},
    {"https://h/a/m.json?x=/y", "b/f.zst", "https://h/a/b/f.zst", NULL},
    {"https://h:8443/a/m.json#/", "/f.zst", "https://h:8443/f.zst", NULL},
    {"https://h", "f.zst", "https://h/f.zst", NULL},
    {"https://h?x", "f.zst", "https://h/f.zst", NULL},
    {"https://h/", "f..zst", "https://h/f..zst", NULL},
    {"https://h/a/", "f.zst?a:b", "https://h/a/f.zst?a:b", NULL},
    {"https://h/a/m.json", "https://mirror.example/f", "https://mirror.example/f", NULL},
    {"file:///srv/feeds/m.json", "f.zst", "file:///srv/feeds/f.zst", NULL},
    {"file:///srv/feeds/m.json", "/tmp/f", "file:///tmp/f", NULL},
    {"https://h/a/m.json", "//evil.example/f", NULL, "neither a URL nor a plain path"},
    {"https://h/a/m.json", "../f", NULL, "neither a URL nor a plain path"},
    {"https://h/a/m.json", "b/../../f", NULL, "neither a URL nor a plain path"},
    {"https://h/a/m.json", "b/..", NULL, "neither a URL nor a plain path"},
    {"https://h/a/m.json", "data:,x", NULL, "neither a URL nor a plain path"},
    {"https://h/a/m.json", "ftp://h/f", NULL, "neither https:// nor file:///"},
    {"https://h/a/m.json", "http://h/f", NULL, "which only loopback hosts may use"},
    {"https://h/a/m.json", "a b", NULL, "has a character that URLs can't have"},
};

static void test_resolve(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(references); i++) {
                CLEANUP(freep) char *url = NULL;
                struct diag diag = {0};
                int r = url_resolve(references[i].base, references[i].reference, &url, &diag);

                if (references[i].error) {
                        if (r != -EINVAL || url || !strstr(diag.text, references[i].error))
                                fail_msg("'%s': %d '%s'", references[i].reference, r, diag.text);
                } else if (r != 0 || strcmp(url, references[i].want) != 0) {
                        fail_msg("'%s': %d '%s' '%s'", references[i].reference, r, url, diag.text);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_check),
            cmocka_unit_test(test_resolve),
            cmocka_unit_test(test_length),
            cmocka_unit_test(test_resolve),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
