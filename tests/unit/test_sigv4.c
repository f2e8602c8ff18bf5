/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/str.h"
#include "cycle/sigv4.h"

#include <string.h>

enum { MAY_2013 = 1369353600 }; /* 2013-05-24T00:00:00Z */

static const struct sigv4_key example_key = {
    .region = "us-east-1",
    .service = "s3",
    .access_key = "AKIAIOSFODNN7EXAMPLE",
    .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};

static int sign(const struct sigv4_key *key, const char *method, const char *url, struct strv *ret)
{
        return sigv4_sign(
            key, &(struct sigv4_request){.method = method, .url = url, .now = MAY_2013}, ret, NULL);
}

/* The examples that AWS publishes with its description of the signature. */
static void test_published_examples(void **state)
{
        static const struct {
                const char *label, *url, *signature;
        } cases[] = {
            {"bucket lifecycle", "https://examplebucket.s3.amazonaws.com/?lifecycle",
             "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
            {"list of objects", "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J",
             "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
            {"the same unsorted",
             "https://examplebucket.s3.amazonaws.com:443?prefix=J&max-keys=2#x",
             "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
            {"host in capitals", "https://ExampleBucket.s3.amazonaws.com/?lifecycle=",
             "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(strv_done) struct strv lines = {0};
                CLEANUP(freep)
                char *wanted = str_format(
                    "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/"
                    "us-east-1/s3/aws4_request,SignedHeaders=host;x-amz-content-sha256;x-amz-date,"
                    "Signature=%s",
                    cases[i].signature);

                if (sign(&example_key, "GET", cases[i].url, &lines) < 0)
                        fail_msg("%s: not signed", cases[i].label);
                if (!strv_contains(&lines, wanted))
                        fail_msg("%s: got %s", cases[i].label, lines.items[lines.n_items - 1]);
                assert_true(strv_contains(&lines, "Host: examplebucket.s3.amazonaws.com"));
                assert_true(strv_contains(&lines, "x-amz-date: 20130524T000000Z"));
        }
}

static const char *signature_of(struct strv *lines)
{
        return strstr(lines->items[lines->n_items - 1], "Signature=");
}

/* Two spellings of one address are signed alike, two addresses are not. */
static void test_spellings(void **state)
{
        static const struct {
                const char *label, *a, *b;
                bool same;
        } cases[] = {
            {"escaped letter", "https://s/%61", "https://s/a", true},
            {"escaped tilde", "https://s/%7Ex", "https://s/~x", true},
            {"case of escapes", "https://s/%c3%a4", "https://s/%C3%A4", true},
            {"star", "https://s/a*", "https://s/a%2A", true},
            {"no path", "https://s", "https://s/", true},
            {"escaped slash", "https://s/a%2Fb", "https://s/a/b", false},
            {"path", "https://s/a", "https://s/b", false},
            {"port", "https://s:8443/a", "https://s/a", false},
            {"name before longer name", "https://s/?a-b=1&a=2", "https://s/?a=2&a-b=1", true},
            {"equals sign in a value", "https://s/?a=b=c", "https://s/?a=b%3Dc", true},
            {"value", "https://s/?a=1", "https://s/?a=2", false},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(strv_done) struct strv a = {0};
                CLEANUP(strv_done) struct strv b = {0};

                assert_int_equal(sign(&example_key, "GET", cases[i].a, &a), 0);
                assert_int_equal(sign(&example_key, "GET", cases[i].b, &b), 0);
                if (str_equal(signature_of(&a), signature_of(&b)) != cases[i].same)
                        fail_msg("%s", cases[i].label);
        }
}

static void test_session_token(void **state)
{
        struct sigv4_key key = example_key;
        CLEANUP(strv_done) struct strv lines = {0};

        (void)state;
        key.session_token = "tok";
        assert_int_equal(sign(&key, "PUT", "https://s/x", &lines), 0);
        assert_true(strv_contains(&lines, "x-amz-security-token: tok"));
        assert_non_null(strstr(lines.items[lines.n_items - 1], ";x-amz-security-token,"));
}

static void test_too_many_parameters(void **state)
{
        CLEANUP(str_done) struct str url = {0};
        CLEANUP(strv_done) struct strv lines = {0};

        (void)state;
        str_append(&url, "https://s/?a");
        for (int i = 0; i < SIGV4_PARAMETERS_MAX; i++)
                str_append(&url, "&a");
        assert_int_equal(sign(&example_key, "GET", url.data, &lines), -EINVAL);
        assert_int_equal(sign(&example_key, "GET", "file:///x", &lines), -EINVAL);
}

static void test_credentials(void **state)
{
        static const struct {
                const char *label, *text, *secret, *token; /* secret NULL: refused */
        } cases[] = {
            {"bare", "aws_access_key_id=A\naws_secret_access_key=S\n", "S", NULL},
            {"profile, blanks and other keys",
             "# note\n[default]\r\naws_access_key_id = A\r\n aws_secret_access_key\t= "
             "S/+=\r\nregion = x\n",
             "S/+=", NULL},
            {"token", "aws_access_key_id=A\naws_secret_access_key=S\naws_session_token=T", "S",
             "T"},
            {"first profile counts",
             "[a]\naws_access_key_id=A\naws_secret_access_key=S\n[b]\naws_secret_access_key=X\n",
             "S", NULL},
            {"no secret", "aws_access_key_id=A\n", NULL, NULL},
            {"empty", "\n", NULL, NULL},
            {"empty value", "aws_access_key_id=\naws_secret_access_key=S\n", NULL, NULL},
            {"blank within", "aws_access_key_id=A B\naws_secret_access_key=S\n", NULL, NULL},
            {"no text", "aws_access_key_id=A\naws_secret_access_key=\x01\n", NULL, NULL},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(freep) char *text = strdup(cases[i].text);
                struct sigv4_key key = {.region = "r", .service = "s"};
                struct diag diag = {0};
                int r = sigv4_read_credentials(text, &key, &diag);

                if ((r >= 0) != (cases[i].secret != NULL) || (r < 0) != (diag.text[0] != '\0'))
                        fail_msg("%s: %s", cases[i].label, diag_text(&diag, r));
                if (r < 0)
                        continue;
                if (!str_equal(key.secret_key, cases[i].secret) ||
                    !str_equal(key.session_token, cases[i].token) ||
                    !str_equal(key.access_key, "A") || !str_equal(key.region, "r"))
                        fail_msg("%s: wrong", cases[i].label);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_published_examples), cmocka_unit_test(test_spellings),
            cmocka_unit_test(test_session_token),      cmocka_unit_test(test_too_many_parameters),
            cmocka_unit_test(test_credentials),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
