/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_support.h"

#include "base/base64.h"
#include "base/json.h"
#include "base/str.h"

enum { NOW = 1800000000 }; /* 2027-01-15T08:00:00Z */

static const char payload_text[] =
    "{\"type\":\"patchd.policy.v1\",\"policy_id\":\"acme\",\"version\":42,"
    "\"issued\":\"2027-01-01T00:00:00Z\",\"expires\":\"2027-02-01T00:00:00Z\","
    "\"assignments\":[{\"name\":\"all\",\"match\":{},\"baseline\":\"b\",\"mode\":\"scan\"}],"
    "\"baselines\":{\"b\":{}}}";

static char *alice_key, *alice_pem, *bob_key, *bob_pem, *mallory_key, *mallory_pem;

static int make_keys(void **state)
{
        (void)state;
        return signature_generate(&alice_key, &alice_pem, NULL) |
               signature_generate(&bob_key, &bob_pem, NULL) |
               signature_generate(&mallory_key, &mallory_pem, NULL);
}

static int free_keys(void **state)
{
        char *texts[] = {alice_key, alice_pem, bob_key, bob_pem, mallory_key, mallory_pem};

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                free(texts[i]);
        return 0;
}

/* Alice and Bob are trusted. */
static struct keyring *trusted(void)
{
        struct keyring *keyring = keyring_new();

        assert_int_equal(keyring_add_pem(keyring, alice_pem, strlen(alice_pem), NULL), 0);
        assert_int_equal(keyring_add_pem(keyring, bob_pem, strlen(bob_pem), NULL), 0);
        return keyring;
}

/* Signs payload with each of the keys (NULL ends the list). */
static void sign_as(const char *type, const char *payload, const char *const *keys,
                    struct blob *ret)
{
        struct blob bytes = {.data = (char *)payload, .size = strlen(payload)};

        for (; *keys; keys++) {
                CLEANUP(freep) char *text = NULL;

                assert_int_equal(dsse_sign(&bytes, type, ret->data ? ret : NULL, *keys,
                                           strlen(*keys), &text, NULL),
                                 0);
                assert_int_equal(blob_copy(ret, text, strlen(text)), 0);
        }
}

static void sign(const char *payload, const char *key, struct blob *ret)
{
        const char *keys[] = {key, NULL};

        sign_as(POLICY_PAYLOAD_TYPE, payload, keys, ret);
}

static struct envelope_expectation expectation_for(const struct keyring *keys)
{
        return (struct envelope_expectation){
            .keys = keys, .threshold = 1, .policy_id = "acme", .now = NOW};
}

/* Opens the envelope and wants this refusal and part of a sentence. */
static void expect(const char *label, const struct blob *bytes,
                   const struct envelope_expectation *expectation, enum refusal want,
                   const char *want_text)
{
        CLEANUP(policy_freep) struct policy *policy = NULL;
        enum refusal refusal = REFUSAL_NONE;
        struct diag diag = {0};
        int r = envelope_open(bytes, expectation, &system_zones, &policy, &refusal, &diag);

        if (refusal != want || r != (want == REFUSAL_NONE ? 0 : -EBADMSG))
                fail_msg("%s: %d, %s: '%s'", label, r, enum_name(&refusal_names, (int)refusal),
                         diag.text);
        if ((policy != NULL) != (want == REFUSAL_NONE))
                fail_msg("%s: policy %p", label, (void *)policy);
        if (want_text && !strstr(diag.text, want_text))
                fail_msg("%s: '%s' does not say '%s'", label, diag.text, want_text);
}

/* ---- good ones ---- */

static void test_open(void **state)
{
        CLEANUP(keyring_freep) struct keyring *keys = trusted();
        struct envelope_expectation expectation = expectation_for(keys);
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(blob_done) struct blob bytes = {0};
        char digest[SHA256_TEXT_SIZE];
        enum refusal refusal = REFUSAL_NONE;
        struct diag diag = {0};

        (void)state;
        sign(payload_text, alice_key, &bytes);
        assert_true(envelope_is_envelope(&bytes));
        assert_int_equal(
            envelope_open(&bytes, &expectation, &system_zones, &policy, &refusal, &diag), 0);
        assert_string_equal(policy->policy_id, "acme");
        assert_int_equal(policy->version, 42);
        assert_true(policy->is_signed);
        assert_int_equal(digest_of(payload_text, strlen(payload_text), digest), 0);
        assert_string_equal(policy->digest, digest);
}

/* DSSE: verifiers accept both alphabets, ignore members they don't know, and a keyid is a hint. */
static void test_open_other_spellings(void **state)
{
        CLEANUP(keyring_freep) struct keyring *keys = trusted();
        struct envelope_expectation expectation = expectation_for(keys);
        CLEANUP(blob_done) struct blob bytes = {0};
        CLEANUP(json_freep) struct json *json = NULL;
        CLEANUP(freep) char *text = NULL;
        const char *signature;

        (void)state;
        sign(payload_text, alice_key, &bytes);
        assert_int_equal(json_parse(bytes.data, bytes.size, &json, NULL), 0);
        signature = json_get_string(json_at(json_get(json, "signatures"), 0), "sig");
        text = str_format("{\"x\":[],\"signatures\":[{\"sig\":\"AAAA\"},{\"y\":1,\"sig\":\"%s\"}],"
                          "\"payloadType\":\"" POLICY_PAYLOAD_TYPE "\",\"payload\":\"%s\"}",
                          signature, json_get_string(json, "payload"));
        for (char *c = strstr(text, "sig\":\"AAAA"); *c; c++)
                if (strchr("+/", *c) && strncmp(c, "/vnd", 4) != 0 && strncmp(c, "+json", 5) != 0)
                        *c = *c == '+' ? '-' : '_';
        assert_int_equal(blob_copy(&bytes, text, strlen(text)), 0);
        expect("url-safe, extra members, no keyid", &bytes, &expectation, REFUSAL_NONE, NULL);
}

/* ---- signatures ---- */

static void test_signers(void **state)
{
        const struct {
                const char *label, *keys[4];
                unsigned threshold;
                enum refusal want;
                const char *text;
        } cases[] = {
            {"a stranger", {mallory_key}, 1, REFUSAL_SIGNATURE, "no signature by a trusted key"},
            {"a stranger first", {mallory_key, bob_key}, 1, REFUSAL_NONE, NULL},
            {"two of two", {alice_key, bob_key}, 2, REFUSAL_NONE, NULL},
            {"one of two", {alice_key}, 2, REFUSAL_SIGNATURE, "signed by 1 trusted keys, 2 are"},
            {"one of two and a stranger",
             {alice_key, mallory_key},
             2,
             REFUSAL_SIGNATURE,
             "signed by 1"},
            {"one key twice", {alice_key, alice_key}, 2, REFUSAL_SIGNATURE, "signed by 1"},
            {"three of two keys",
             {alice_key, bob_key, mallory_key},
             3,
             REFUSAL_SIGNATURE,
             "3 trusted keys have to sign, but 2 are installed"},
            {"threshold 0 means 1", {mallory_key}, 0, REFUSAL_SIGNATURE, "no signature"},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(keyring_freep) struct keyring *keys = trusted();
                struct envelope_expectation expectation = expectation_for(keys);
                CLEANUP(blob_done) struct blob bytes = {0};

                expectation.threshold = cases[i].threshold;
                sign_as(POLICY_PAYLOAD_TYPE, payload_text, cases[i].keys, &bytes);
                expect(cases[i].label, &bytes, &expectation, cases[i].want, cases[i].text);
        }
}

/* An envelope from elsewhere may carry one signature twice. */
static void test_same_signature_twice(void **state)
{
        CLEANUP(keyring_freep) struct keyring *keys = trusted();
        struct envelope_expectation expectation = expectation_for(keys);
        CLEANUP(blob_done) struct blob bytes = {0};
        CLEANUP(freep) char *doubled = NULL;
        const char *list, *end;

        (void)state;
        sign(payload_text, alice_key, &bytes);
        list = strchr(strstr(bytes.data, "\"signatures\""), '[') + 1;
        end = strchr(list, ']');
        doubled = str_format("%.*s%.*s,%s", (int)(list - bytes.data), bytes.data, (int)(end - list),
                             list, list);
        assert_int_equal(blob_copy(&bytes, doubled, strlen(doubled)), 0);
        expect("threshold 1", &bytes, &expectation, REFUSAL_NONE, NULL);
        expectation.threshold = 2;
        expect("threshold 2", &bytes, &expectation, REFUSAL_SIGNATURE, "signed by 1");
}

static void test_no_trusted_keys(void **state)
{
        CLEANUP(keyring_freep) struct keyring *none = keyring_new();
        struct envelope_expectation expectation = expectation_for(none);
        CLEANUP(blob_done) struct blob bytes = {0};

        (void)state;
        sign(payload_text, alice_key, &bytes);
        expect("no keys", &bytes, &expectation, REFUSAL_SIGNATURE, "but 0 are installed");
}

/* The P-256 pair comes from the openssl program. */
static void test_p256(void **state)
{
        CLEANUP(keyring_freep) struct keyring *keys = keyring_new();
        struct envelope_expectation expectation = expectation_for(keys);
        CLEANUP(blob_done) struct blob bytes = {0}, key = {0}, pem = {0};

        (void)state;
        read_data("keys/p256.key", &key);
        read_data("keys/p256.pem", &pem);
        sign(payload_text, key.data, &bytes);
        assert_int_equal(keyring_add_pem(keys, pem.data, pem.size, NULL), 0);
        expect("P-256", &bytes, &expectation, REFUSAL_NONE, NULL);
}

/* An envelope that openssl and jq made, by the recipe of the documentation. */
static void test_openssl_made(void **state)
{
        CLEANUP(keyring_freep) struct keyring *keys = keyring_new();
        struct envelope_expectation expectation = {.keys = keys, .threshold = 1, .now = 1796083200};
        CLEANUP(blob_done) struct blob bytes = {0}, pem = {0};

        (void)state;
        read_data("envelope/openssl.dsse.json", &bytes);
        read_data("keys/ed25519.pem", &pem);
        assert_int_equal(keyring_add_pem(keys, pem.data, pem.size, NULL), 0);
        expect("openssl", &bytes, &expectation, REFUSAL_NONE, NULL);
}

/* Any change of the payload or the type breaks the signature, whatever it would have meant. */
static void test_forged(void **state)
{
        CLEANUP(keyring_freep) struct keyring *keys = trusted();
        struct envelope_expectation expectation = expectation_for(keys);
        CLEANUP(blob_done) struct blob bytes = {0};
        char *at;

        (void)state;
        sign(payload_text, alice_key, &bytes);
        at = strstr(bytes.data, "\"payload\":\"") + strlen("\"payload\":\"") + 40;
        *at = *at == 'A' ? 'B' : 'A';
        expect("another payload", &bytes, &expectation, REFUSAL_SIGNATURE, "no signature");
        blob_done(&bytes);
        sign(payload_text, alice_key, &bytes);
        at = strstr(bytes.data, "policy.v1+json");
        memcpy(at, "policy.v2+json", strlen("policy.v2+json"));
        expect("another type", &bytes, &expectation, REFUSAL_SIGNATURE, "no signature");
        blob_done(&bytes);
        sign(payload_text, alice_key, &bytes);
        at = strstr(bytes.data, "\"sig\":\"") + strlen("\"sig\":\"") + 10;
        *at = *at == 'A' ? 'B' : 'A';
        expect("another signature", &bytes, &expectation, REFUSAL_SIGNATURE, "no signature");
}

/* ---- shape ---- */

static const struct {
        const char *label, *text;
        enum refusal want;
        const char *sentence;
} shape_cases[] = {
    {"nothing", "", REFUSAL_FORMAT, "ends too early"},
    {"no JSON", "<html>", REFUSAL_FORMAT, "not JSON"},
    {"a list", "[]", REFUSAL_FORMAT, "not a DSSE envelope"},
    {"no payload", "{\"payloadType\":\"t\",\"signatures\":[]}", REFUSAL_FORMAT, "not a DSSE"},
    {"no type", "{\"payload\":\"\",\"signatures\":[]}", REFUSAL_FORMAT, "not a DSSE envelope"},
    {"no signatures", "{\"payload\":\"\",\"payloadType\":\"t\"}", REFUSAL_FORMAT, "not a DSSE"},
    {"a payload that is a number", "{\"payload\":1,\"payloadType\":\"t\",\"signatures\":[]}",
     REFUSAL_FORMAT, "not a DSSE envelope"},
    {"not base64", "{\"payload\":\"#\",\"payloadType\":\"t\",\"signatures\":[]}", REFUSAL_FORMAT,
     "payload: not base64"},
    {"two payloads", "{\"payload\":\"\",\"payload\":\"\",\"payloadType\":\"t\"}", REFUSAL_FORMAT,
     "'payload' stands twice"},
    {"unsigned", "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[]}", REFUSAL_SIGNATURE,
     "not signed"},
    {"signatures that are none",
     "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[1,null,{},{\"sig\":1},"
     "{\"sig\":\"#\"},{\"sig\":\"\"}]}",
     REFUSAL_SIGNATURE, "no signature by a trusted key"},
    {"too many signatures",
     "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":"
     "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
     REFUSAL_SIGNATURE, "17 signatures, more than 16"},
};

static void test_shape(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(shape_cases); i++) {
                CLEANUP(keyring_freep) struct keyring *keys = trusted();
                struct envelope_expectation expectation = expectation_for(keys);
                CLEANUP(blob_done) struct blob bytes = {0};

                assert_int_equal(
                    blob_copy(&bytes, shape_cases[i].text, strlen(shape_cases[i].text)), 0);
                expect(shape_cases[i].label, &bytes, &expectation, shape_cases[i].want,
                       shape_cases[i].sentence);
        }
}

/* Foreign values take many times their size in memory. */
static void test_too_many_values(void **state)
{
        CLEANUP(keyring_freep) struct keyring *keys = trusted();
        struct envelope_expectation expectation = expectation_for(keys);
        CLEANUP(blob_done) struct blob bytes = {0};
        CLEANUP(str_done) struct str text = {0};

        (void)state;
        str_append(&text, "{\"payload\":\"\",\"payloadType\":\"t\",\"signatures\":[],\"x\":[1");
        for (int i = 0; i < 5000; i++)
                str_append(&text, ",1");
        str_append(&text, "]}");
        assert_int_equal(blob_copy(&bytes, text.data, text.length), 0);
        expect("values", &bytes, &expectation, REFUSAL_FORMAT, "more than 4096 values");
}

/* Cut anywhere, an envelope is refused and nothing is read beyond its end. */
static void test_truncated(void **state)
{
        CLEANUP(keyring_freep) struct keyring *keys = trusted();
        struct envelope_expectation expectation = expectation_for(keys);
        CLEANUP(blob_done) struct blob bytes = {0};

        (void)state;
        sign(payload_text, alice_key, &bytes);
        for (size_t size = 0; size < bytes.size; size += 7) {
                CLEANUP(blob_done) struct blob cut = {0};

                assert_int_equal(blob_copy(&cut, bytes.data, size), 0);
                expect("cut", &cut, &expectation, REFUSAL_FORMAT, "ends too early");
        }
}

static void test_too_big(void **state)
{
        CLEANUP(keyring_freep) struct keyring *keys = trusted();
        struct envelope_expectation expectation = expectation_for(keys);
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(blob_done) struct blob bytes = {0};
        struct diag diag = {0};

        (void)state;
        bytes.size = ENVELOPE_SIZE_MAX_BYTES + 1;
        bytes.data = malloc(bytes.size + 1);
        memset(bytes.data, ' ', bytes.size);
        bytes.data[bytes.size] = '\0';
        expect("too big", &bytes, &expectation, REFUSAL_SIZE, "more than the 8388608");
        assert_int_equal(envelope_open_plain(&bytes, &system_zones, &policy, &diag), -EBADMSG);
        assert_non_null(strstr(diag.text, "more than the 8388608"));
}

/* A feed's manifest, properly signed, is no policy. */
static void test_wrong_type(void **state)
{
        CLEANUP(keyring_freep) struct keyring *keys = trusted();
        struct envelope_expectation expectation = expectation_for(keys);
        const char *signers[] = {alice_key, NULL};
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(blob_done) struct blob bytes = {0}, payload = {0};
        enum refusal refusal = REFUSAL_NONE;

        (void)state;
        sign_as("application/x", payload_text, signers, &bytes);
        expect("wrong type", &bytes, &expectation, REFUSAL_TYPE, "'application/x' is not");
        assert_int_equal(envelope_open_plain(&bytes, &system_zones, &policy, NULL), -EBADMSG);
        assert_int_equal(dsse_open(&bytes, keys, 1, "application/x", &payload, &refusal, NULL), 0);
        assert_string_equal(payload.data, payload_text);
}

/* ---- what the policy says of itself ---- */

static void test_expectations(void **state)
{
        static const char zeros[] =
            "0000000000000000000000000000000000000000000000000000000000000000";
        char digest[SHA256_TEXT_SIZE];
        const struct {
                const char *label, *policy_id;
                int64_t version;
                const char *digest;
                time_t now;
                bool allow_expired;
                enum refusal want;
                const char *text;
        } cases[] = {
            {"any policy_id", NULL, 0, NULL, NOW, false, REFUSAL_NONE, NULL},
            {"another policy_id", "evil", 0, NULL, NOW, false, REFUSAL_POLICY_ID,
             "'acme' is not the configured 'evil'"},
            {"older stored", "acme", 41, zeros, NOW, false, REFUSAL_NONE, NULL},
            {"same stored", "acme", 42, digest, NOW, false, REFUSAL_NONE, NULL},
            {"same version, other content", "acme", 42, zeros, NOW, false, REFUSAL_ROLLBACK,
             "version 42 has other content"},
            {"newer stored", "acme", 43, zeros, NOW, false, REFUSAL_ROLLBACK,
             "version 42 is older than the stored version 43 (rollback)"},
            {"rollback of an expired one", "acme", 43, zeros, NOW + 365 * 86400, false,
             REFUSAL_ROLLBACK, "rollback"},
            {"issued in eleven minutes", "acme", 0, NULL, 1798761600 - 660, false, REFUSAL_NOT_YET,
             "issued 2027-01-01T00:00:00Z, which is in the future"},
            {"issued in ten minutes", "acme", 0, NULL, 1798761600 - 600, false, REFUSAL_NONE, NULL},
            {"issued in the future, expired allowed", "acme", 0, NULL, 1798761600 - 660, true,
             REFUSAL_NOT_YET, NULL},
            {"the last second", "acme", 0, NULL, 1801440000 - 1, false, REFUSAL_NONE, NULL},
            {"expired", "acme", 0, NULL, 1801440000, false, REFUSAL_EXPIRED,
             "expired at 2027-02-01T00:00:00Z"},
            {"expired, allowed", "acme", 0, NULL, 1801440000, true, REFUSAL_NONE, NULL},
        };

        (void)state;
        assert_int_equal(digest_of(payload_text, strlen(payload_text), digest), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CLEANUP(keyring_freep) struct keyring *keys = trusted();
                struct envelope_expectation expectation = {
                    .keys = keys,
                    .threshold = 1,
                    .policy_id = cases[i].policy_id,
                    .version = cases[i].version,
                    .digest = cases[i].digest,
                    .now = cases[i].now,
                    .allow_expired = cases[i].allow_expired,
                };
                CLEANUP(blob_done) struct blob bytes = {0};

                sign(payload_text, alice_key, &bytes);
                expect(cases[i].label, &bytes, &expectation, cases[i].want, cases[i].text);
        }
}

static void test_bad_policy(void **state)
{
        CLEANUP(keyring_freep) struct keyring *keys = trusted();
        struct envelope_expectation expectation = expectation_for(keys);
        CLEANUP(blob_done) struct blob bytes = {0};

        (void)state;
        sign("{\"type\":\"patchd.policy.v2\"}", alice_key, &bytes);
        expect("another format", &bytes, &expectation, REFUSAL_FORMAT,
               "type: 'patchd.policy.v2' is not one of patchd.policy.v1");
}

/* ---- plain files ---- */

static void test_open_plain(void **state)
{
        struct blob plain = {.data = (char *)payload_text, .size = strlen(payload_text)};
        struct blob broken = {.data = (char *)"{}", .size = 2};
        CLEANUP(policy_freep) struct policy *policy = NULL, *same = NULL, *none = NULL;
        CLEANUP(blob_done) struct blob bytes = {0};

        (void)state;
        assert_false(envelope_is_envelope(&plain));
        assert_int_equal(envelope_open_plain(&plain, &system_zones, &policy, NULL), 0);
        assert_false(policy->is_signed);
        sign(payload_text, mallory_key, &bytes);
        assert_int_equal(envelope_open_plain(&bytes, &system_zones, &same, NULL), 0);
        assert_false(same->is_signed);
        assert_string_equal(policy->digest, same->digest);
        assert_int_equal(envelope_open_plain(&broken, &system_zones, &none, NULL), -EBADMSG);
}

/* ---- signing ---- */

static void test_sign_refuses_another_payload(void **state)
{
        struct blob other = {.data = (char *)"{}", .size = 2};
        CLEANUP(blob_done) struct blob bytes = {0};
        CLEANUP(freep) char *text = NULL;
        struct diag diag = {0};

        (void)state;
        sign(payload_text, alice_key, &bytes);
        assert_int_equal(
            dsse_sign(&other, POLICY_PAYLOAD_TYPE, &bytes, bob_key, strlen(bob_key), &text, &diag),
            -EINVAL);
        assert_non_null(strstr(diag.text, "another payload"));
        assert_null(text);
}

static void test_sign_again_replaces(void **state)
{
        const char *keys[] = {alice_key, bob_key, alice_key, NULL};
        CLEANUP(json_freep) struct json *json = NULL;
        CLEANUP(blob_done) struct blob bytes = {0};

        (void)state;
        sign_as(POLICY_PAYLOAD_TYPE, payload_text, keys, &bytes);
        assert_int_equal(json_parse(bytes.data, bytes.size, &json, NULL), 0);
        assert_int_equal(json_length(json_get(json, "signatures")), 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_open),
            cmocka_unit_test(test_open_other_spellings),
            cmocka_unit_test(test_signers),
            cmocka_unit_test(test_same_signature_twice),
            cmocka_unit_test(test_no_trusted_keys),
            cmocka_unit_test(test_p256),
            cmocka_unit_test(test_openssl_made),
            cmocka_unit_test(test_forged),
            cmocka_unit_test(test_shape),
            cmocka_unit_test(test_too_many_values),
            cmocka_unit_test(test_truncated),
            cmocka_unit_test(test_too_big),
            cmocka_unit_test(test_wrong_type),
            cmocka_unit_test(test_expectations),
            cmocka_unit_test(test_bad_policy),
            cmocka_unit_test(test_open_plain),
            cmocka_unit_test(test_sign_refuses_another_payload),
            cmocka_unit_test(test_sign_again_replaces),
        };

        return cmocka_run_group_tests(tests, make_keys, free_keys);
}
