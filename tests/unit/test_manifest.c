/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/base64.h"
#include "base/str.h"
#include "policy/manifest.h"

#include <string.h>

enum { NOW = 1800000000 }; /* 2027-01-15T08:00:00Z */

#define SHA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define MANIFEST(type, id, version, issued, expires, url, sha256, size)                            \
        "{\"type\":" type ",\"id\":" id ",\"version\":" version ",\"issued\":" issued              \
        ",\"expires\":" expires ",\"url\":" url ",\"sha256\":" sha256 ",\"size_bytes\":" size "}"
#define T      "\"patchd.feed.v1\""
#define ID     "\"debian-12\""
#define ISSUED "\"2027-01-01T00:00:00Z\""
#define UNTIL  "\"2027-02-01T00:00:00Z\""
#define URL    "\"debian-12-7.tar.zst\""
#define SUM    "\"" SHA "\""
#define GOOD   MANIFEST(T, ID, "7", ISSUED, UNTIL, URL, SUM, "1000")

static char *alice_key, *alice_pem, *mallory_key, *mallory_pem;

static int make_keys(void **state)
{
        (void)state;
        return signature_generate(&alice_key, &alice_pem, NULL) |
               signature_generate(&mallory_key, &mallory_pem, NULL);
}

static int free_keys(void **state)
{
        (void)state;
        free(alice_key);
        free(alice_pem);
        free(mallory_key);
        free(mallory_pem);
        return 0;
}

/* The base64 of a PEM block is that of its DER. */
static char *base64_of_pem(const char *pem)
{
        const char *from = strchr(pem, '\n') + 1, *to = strstr(from, "\n-----END");

        assert_non_null(to);
        return strndup(from, (size_t)(to - from));
}

struct setup {
        char *key;
        char *keys[1];
        struct feed feed;
        struct manifest_expectation expectation;
};

static void setup_done(struct setup *setup)
{
        free(setup->key);
}

static void set_up(struct setup *setup)
{
        setup->key = base64_of_pem(alice_pem);
        setup->keys[0] = setup->key;
        setup->feed = (struct feed){.id = (char *)"debian-12",
                                    .format = (char *)"osv",
                                    .manifest_url = (char *)"https://h.example/f/m.json",
                                    .keys = {.items = setup->keys, .n_items = 1}};
        setup->expectation = (struct manifest_expectation){.feed = &setup->feed, .now = NOW};
}

static void sign(const char *payload, const char *type, const char *key, struct blob *ret)
{
        CLEANUP(freep) char *text = NULL;

        assert_int_equal(dsse_sign(&(struct blob){(char *)payload, strlen(payload)}, type, NULL,
                                   key, strlen(key), &text, NULL),
                         0);
        assert_int_equal(blob_copy(ret, text, strlen(text)), 0);
}

static void expect(const char *label, const struct blob *bytes,
                   const struct manifest_expectation *expectation, enum refusal want,
                   const char *want_text)
{
        CLEANUP(manifest_freep) struct manifest *manifest = NULL;
        enum refusal refusal = REFUSAL_NONE;
        struct diag diag = {0};
        int r = manifest_open(bytes, expectation, &manifest, &refusal, &diag);

        if (refusal != want || r != (want == REFUSAL_NONE ? 0 : -EBADMSG))
                fail_msg("%s: %d, %s: '%s'", label, r, enum_name(&refusal_names, (int)refusal),
                         diag.text);
        if ((manifest != NULL) != (want == REFUSAL_NONE))
                fail_msg("%s: manifest %p", label, (void *)manifest);
        if (want_text && !strstr(diag.text, want_text))
                fail_msg("%s: '%s' does not say '%s'", label, diag.text, want_text);
}

static void test_open(void **state)
{
        struct setup setup CLEANUP(setup_done) = {0};
        CLEANUP(manifest_freep) struct manifest *manifest = NULL;
        CLEANUP(blob_done) struct blob bytes = {0};
        char digest[SHA256_TEXT_SIZE];
        enum refusal refusal = REFUSAL_NONE;

        (void)state;
        set_up(&setup);
        sign(GOOD, MANIFEST_PAYLOAD_TYPE, alice_key, &bytes);
        assert_int_equal(manifest_open(&bytes, &setup.expectation, &manifest, &refusal, NULL), 0);
        assert_string_equal(manifest->id, "debian-12");
        assert_int_equal(manifest->version, 7);
        assert_int_equal(manifest->size_bytes, 1000);
        assert_string_equal(manifest->url, "https://h.example/f/debian-12-7.tar.zst");
        assert_string_equal(manifest->sha256, SHA);
        assert_int_equal(digest_of(GOOD, strlen(GOOD), digest), 0);
        assert_string_equal(manifest->digest, digest);
}

static const struct {
        const char *label, *payload;
        enum refusal refusal;
        const char *text;
} payloads[] = {
    {"good", GOOD, REFUSAL_NONE, NULL},
    {"absolute url", MANIFEST(T, ID, "7", ISSUED, UNTIL, "\"https://m.example/f\"", SUM, "1"),
     REFUSAL_NONE, NULL},
    {"no JSON", "hello", REFUSAL_FORMAT, NULL},
    {"another type", MANIFEST("\"patchd.policy.v1\"", ID, "7", ISSUED, UNTIL, URL, SUM, "1"),
     REFUSAL_FORMAT, "type: is not 'patchd.feed.v1'"},
    {"unknown key", "{\"type\":" T ",\"more\":1}", REFUSAL_FORMAT, "more"},
    {"missing key", "{\"type\":" T "}", REFUSAL_FORMAT, "id"},
    {"version 0", MANIFEST(T, ID, "0", ISSUED, UNTIL, URL, SUM, "1"), REFUSAL_FORMAT, "version"},
    {"version beyond 2^53", MANIFEST(T, ID, "9007199254740993", ISSUED, UNTIL, URL, SUM, "1"),
     REFUSAL_FORMAT, "version"},
    {"id as a path", MANIFEST(T, "\"../../etc\"", "7", ISSUED, UNTIL, URL, SUM, "1"),
     REFUSAL_FORMAT, "id"},
    {"size 0", MANIFEST(T, ID, "7", ISSUED, UNTIL, URL, SUM, "0"), REFUSAL_FORMAT, "size_bytes"},
    {"too large", MANIFEST(T, ID, "7", ISSUED, UNTIL, URL, SUM, "536870913"), REFUSAL_FORMAT,
     "size_bytes"},
    {"upper-case digest", MANIFEST(T, ID, "7", ISSUED, UNTIL, URL, "\"ABC\"", "1"), REFUSAL_FORMAT,
     "sha256: is not a SHA-256"},
    {"expires first", MANIFEST(T, ID, "7", UNTIL, ISSUED, URL, SUM, "1"), REFUSAL_FORMAT,
     "expires: is not after 'issued'"},
    {"url out of its folder", MANIFEST(T, ID, "7", ISSUED, UNTIL, "\"../x\"", SUM, "1"),
     REFUSAL_FORMAT, "url: '../x' is neither a URL nor a plain path"},
    {"local file", MANIFEST(T, ID, "7", ISSUED, UNTIL, "\"file:///etc/shadow\"", SUM, "1"),
     REFUSAL_FORMAT, "url: a manifest from the network can't name the local file"},
    {"http", MANIFEST(T, ID, "7", ISSUED, UNTIL, "\"http://m.example/f\"", SUM, "1"),
     REFUSAL_FORMAT, "url: 'http://m.example/f' is http"},
    {"another feed", MANIFEST(T, "\"debian-13\"", "7", ISSUED, UNTIL, URL, SUM, "1"),
     REFUSAL_FEED_ID, "it is the manifest of feed 'debian-13'"},
    {"older", MANIFEST(T, ID, "4", ISSUED, UNTIL, URL, SUM, "1"), REFUSAL_ROLLBACK,
     "version 4 is older than the stored version 5"},
    {"same version, other content", MANIFEST(T, ID, "5", ISSUED, UNTIL, URL, SUM, "1"),
     REFUSAL_ROLLBACK, "version 5 has other content"},
    {"from the future", MANIFEST(T, ID, "7", "\"2027-01-15T08:10:01Z\"", UNTIL, URL, SUM, "1"),
     REFUSAL_NOT_YET, "issued 2027-01-15T08:10:01Z, which is in the future"},
    {"expired", MANIFEST(T, ID, "7", ISSUED, "\"2027-01-15T08:00:00Z\"", URL, SUM, "1"),
     REFUSAL_EXPIRED, "version 7 expired at 2027-01-15T08:00:00Z"},
};

static void test_payloads(void **state)
{
        struct setup setup CLEANUP(setup_done) = {0};

        (void)state;
        set_up(&setup);
        setup.expectation.version = 5;
        setup.expectation.digest = SHA;
        for (size_t i = 0; i < ELEMENTSOF(payloads); i++) {
                CLEANUP(blob_done) struct blob bytes = {0};

                sign(payloads[i].payload, MANIFEST_PAYLOAD_TYPE, alice_key, &bytes);
                expect(payloads[i].label, &bytes, &setup.expectation, payloads[i].refusal,
                       payloads[i].text);
        }
}

/* What-if questions look at neither time, and at everything else. */
static void test_ignored_times(void **state)
{
        struct setup setup CLEANUP(setup_done) = {0};
        CLEANUP(blob_done) struct blob bytes = {0};

        (void)state;
        set_up(&setup);
        setup.expectation.ignore_times = true;
        sign(GOOD, MANIFEST_PAYLOAD_TYPE, alice_key, &bytes);
        setup.expectation.now = 1;
        expect("long before", &bytes, &setup.expectation, REFUSAL_NONE, NULL);
        setup.expectation.now = NOW + 100 * SECONDS_PER_DAY;
        expect("long after", &bytes, &setup.expectation, REFUSAL_NONE, NULL);
        setup.expectation.version = 8;
        expect("rolled back", &bytes, &setup.expectation, REFUSAL_ROLLBACK, NULL);
}

static void test_signatures(void **state)
{
        struct setup setup CLEANUP(setup_done) = {0};
        CLEANUP(blob_done) struct blob forged = {0}, policy = {0}, cut = {0}, huge = {0};

        (void)state;
        set_up(&setup);
        sign(GOOD, MANIFEST_PAYLOAD_TYPE, mallory_key, &forged);
        expect("a stranger's key", &forged, &setup.expectation, REFUSAL_SIGNATURE,
               "no signature by a trusted key");
        sign(GOOD, POLICY_PAYLOAD_TYPE, alice_key, &policy);
        expect("signed as a policy", &policy, &setup.expectation, REFUSAL_TYPE, "payloadType");
        sign(GOOD, MANIFEST_PAYLOAD_TYPE, alice_key, &cut);
        cut.data[cut.size / 2] = '\0';
        cut.size /= 2;
        expect("cut short", &cut, &setup.expectation, REFUSAL_FORMAT, NULL);
        huge.size = MANIFEST_SIZE_MAX_BYTES + 1;
        huge.data = calloc(1, huge.size + 1);
        assert_non_null(huge.data);
        expect("huge", &huge, &setup.expectation, REFUSAL_SIZE, "more than the 262144");
}

static void test_pinned(void **state)
{
        struct feed feed = {.id = (char *)"debian-12",
                            .url = (char *)"file:///srv/f",
                            .sha256 = (char *)SHA,
                            .size_bytes = 5};
        CLEANUP(manifest_freep) struct manifest *manifest = NULL;

        (void)state;
        assert_int_equal(manifest_of_pinned(&feed, &manifest), 0);
        assert_string_equal(manifest->url, feed.url);
        assert_string_equal(manifest->sha256, SHA);
        assert_int_equal(manifest->size_bytes, 5);
        assert_int_equal(manifest->version, 0);
        assert_string_equal(manifest->digest, "");
}

static void test_make(void **state)
{
        struct manifest manifest = {.id = (char *)"debian-12",
                                    .version = 7,
                                    .issued = NOW,
                                    .expires = NOW + 1,
                                    .url = (char *)"f.tar.zst",
                                    .sha256 = (char *)SHA,
                                    .size_bytes = 5};
        struct setup setup CLEANUP(setup_done) = {0};
        CLEANUP(blob_done) struct blob bytes = {0};
        CLEANUP(freep) char *text = NULL;
        CLEANUP(freep) char *bad = NULL;
        struct diag diag = {0};

        (void)state;
        set_up(&setup);
        assert_int_equal(manifest_to_text(&manifest, &text, &diag), 0);
        sign(text, MANIFEST_PAYLOAD_TYPE, alice_key, &bytes);
        expect("what was made", &bytes, &setup.expectation, REFUSAL_NONE, NULL);
        manifest.version = 0;
        assert_int_equal(manifest_to_text(&manifest, &bad, &diag), -EINVAL);
        assert_null(bad);
        assert_non_null(strstr(diag.text, "version"));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_open),          cmocka_unit_test(test_payloads),
            cmocka_unit_test(test_ignored_times), cmocka_unit_test(test_signatures),
            cmocka_unit_test(test_pinned),        cmocka_unit_test(test_make),
        };

        return cmocka_run_group_tests(tests, make_keys, free_keys);
}
