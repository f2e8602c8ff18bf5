/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_support.h"

#include "base/base64.h"
#include "base/str.h"
#include "policy/keyring.h"

static int add_file(struct keyring *keyring, const char *name, struct diag *diag)
{
        CLEANUP(blob_done) struct blob pem = {0};

        read_data(name, &pem);
        return keyring_add_pem(keyring, pem.data, pem.size, diag);
}

static const struct {
        const char *label, *file, *want; /* part of the error; NULL: taken */
} pem_cases[] = {
    {"Ed25519", "keys/ed25519.pem", NULL},
    {"P-256", "keys/p256.pem", NULL},
    {"P-384", "keys/p384.pem", "type EC; only Ed25519 and ECDSA P-256"},
    {"RSA", "keys/rsa.pem", "type RSA; only Ed25519 and ECDSA P-256"},
    {"Ed448", "keys/ed448.pem", "type ED448; only"},
    {"a private key", "keys/ed25519.key", "holds a private key"},
    {"a private key with a passphrase", "keys/ed25519-encrypted.key", "holds a private key"},
    {"no key at all", "keys/README", "no PEM block"},
};

static void test_add_pem(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(pem_cases); i++) {
                CLEANUP(keyring_freep) struct keyring *keyring = keyring_new();
                const char *want = pem_cases[i].want;
                struct diag diag = {0};
                int r = add_file(keyring, pem_cases[i].file, &diag);

                if (want ? r != -EINVAL || !strstr(diag.text, want) : r != 0)
                        fail_msg("%s: %d '%s'", pem_cases[i].label, r, diag.text);
                if (keyring_size(keyring) != (want ? 0 : 1))
                        fail_msg("%s: %zu keys", pem_cases[i].label, keyring_size(keyring));
        }
}

/* A file with two keys would hide the second one. */
static void test_add_pem_of_two(void **state)
{
        CLEANUP(keyring_freep) struct keyring *keyring = keyring_new();
        CLEANUP(blob_done) struct blob first = {0}, second = {0};
        CLEANUP(freep) char *both = NULL;
        struct diag diag = {0};

        (void)state;
        read_data("keys/ed25519.pem", &first);
        read_data("keys/p256.pem", &second);
        both = str_format("%s%s", first.data, second.data);
        assert_int_equal(keyring_add_pem(keyring, both, strlen(both), &diag), -EINVAL);
        assert_non_null(strstr(diag.text, "more than one key"));
}

static void test_add_twice(void **state)
{
        CLEANUP(keyring_freep) struct keyring *keyring = keyring_new();

        (void)state;
        assert_int_equal(add_file(keyring, "keys/ed25519.pem", NULL), 0);
        assert_int_equal(add_file(keyring, "keys/ed25519.pem", NULL), 0);
        assert_int_equal(add_file(keyring, "keys/p256.pem", NULL), 0);
        assert_int_equal(keyring_size(keyring), 2);
}

/* PEM without its frame, and without padding, is base64 of DER. */
static char *base64_of_file(const char *name)
{
        CLEANUP(blob_done) struct blob pem = {0};
        CLEANUP(str_done) struct str text = {0};
        char *ret = NULL;

        read_data(name, &pem);
        for (char *line = strtok(pem.data, "\n"); line; line = strtok(NULL, "\n"))
                if (line[0] != '-')
                        str_append_n(&text, line, strcspn(line, "="));
        assert_int_equal(str_take(&text, &ret), 0);
        return ret;
}

static const struct {
        const char *label, *file, *suffix, *want;
} base64_cases[] = {
    {"Ed25519", "keys/ed25519.pem", "", NULL},
    {"P-256", "keys/p256.pem", "", NULL},
    {"RSA", "keys/rsa.pem", "", "type RSA"},
    {"private", "keys/p256.key", "", "not base64 of a public key"},
    {"a byte behind the key", "keys/ed25519.pem", "A", "not base64 of a public key"},
    {"a blank", "keys/ed25519.pem", " ", "is not base64"},
};

static void test_add_base64(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(base64_cases); i++) {
                CLEANUP(keyring_freep) struct keyring *keyring = keyring_new();
                CLEANUP(freep) char *plain = base64_of_file(base64_cases[i].file);
                CLEANUP(freep) char *text = str_format("%s%s", plain, base64_cases[i].suffix);
                const char *want = base64_cases[i].want;
                struct diag diag = {0};
                int r = keyring_add_base64(keyring, text, &diag);

                if (want ? r != -EINVAL || !strstr(diag.text, want) : r != 0)
                        fail_msg("%s: %d '%s'", base64_cases[i].label, r, diag.text);
        }
}

static void test_size_limits(void **state)
{
        CLEANUP(keyring_freep) struct keyring *keyring = keyring_new();
        CLEANUP(freep) char *big = malloc(KEY_TEXT_MAX_BYTES + 2);

        (void)state;
        memset(big, 'A', KEY_TEXT_MAX_BYTES + 1);
        big[KEY_TEXT_MAX_BYTES + 1] = '\0';
        assert_int_equal(keyring_add_pem(keyring, big, KEY_TEXT_MAX_BYTES + 1, NULL), -EINVAL);
        assert_int_equal(keyring_add_base64(keyring, big, NULL), -EINVAL);
        for (int i = 0; i <= KEYRING_KEYS_MAX; i++) {
                CLEANUP(freep) char *private_pem = NULL;
                CLEANUP(freep) char *public_pem = NULL;

                assert_int_equal(signature_generate(&private_pem, &public_pem, NULL), 0);
                assert_int_equal(keyring_add_pem(keyring, public_pem, strlen(public_pem), NULL),
                                 i < KEYRING_KEYS_MAX ? 0 : -EINVAL);
        }
}

/* ---- signatures ---- */

static const struct {
        const char *label, *private_file, *public_file;
} pairs[] = {
    {"Ed25519", "keys/ed25519.key", "keys/ed25519.pem"},
    {"P-256", "keys/p256.key", "keys/p256.pem"},
};

static void test_sign_and_check(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(pairs); i++) {
                CLEANUP(keyring_freep) struct keyring *keyring = keyring_new();
                CLEANUP(blob_done) struct blob pem = {0}, signature = {0};
                char keyid[SHA256_TEXT_SIZE];
                bool seen[2] = {0};
                char bytes[] = "some bytes";

                read_data(pairs[i].private_file, &pem);
                assert_int_equal(add_file(keyring, pairs[1 - i].public_file, NULL), 0);
                assert_int_equal(add_file(keyring, pairs[i].public_file, NULL), 0);
                assert_int_equal(signature_make(pem.data, pem.size, bytes, sizeof(bytes),
                                                &signature, keyid, NULL),
                                 0);
                assert_int_equal(strlen(keyid), SHA256_TEXT_SIZE - 1);

                signature.data[20] ^= 1;
                keyring_check(keyring, bytes, sizeof(bytes), signature.data, signature.size, seen);
                assert_false(seen[0] || seen[1]);
                signature.data[20] ^= 1;
                keyring_check(keyring, bytes, sizeof(bytes), signature.data, signature.size - 1,
                              seen);
                keyring_check(keyring, bytes, sizeof(bytes), signature.data, 0, seen);
                keyring_check(keyring, bytes, sizeof(bytes) - 1, signature.data, signature.size,
                              seen);
                assert_false(seen[0] || seen[1]);
                keyring_check(keyring, bytes, sizeof(bytes), signature.data, signature.size, seen);
                if (seen[0] || !seen[1])
                        fail_msg("%s: seen %d %d", pairs[i].label, seen[0], seen[1]);
        }
}

static const struct {
        const char *label, *file, *want;
} private_cases[] = {
    {"P-384", "keys/p384.key", "only Ed25519 and ECDSA P-256"},
    {"a passphrase", "keys/ed25519-encrypted.key", "without a passphrase"},
    {"a public key", "keys/ed25519.pem", "holds no private key"},
};

static void test_private_keys_refused(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(private_cases); i++) {
                CLEANUP(blob_done) struct blob pem = {0}, signature = {0};
                char keyid[SHA256_TEXT_SIZE];
                struct diag diag = {0};

                read_data(private_cases[i].file, &pem);
                assert_int_equal(
                    signature_make(pem.data, pem.size, "x", 1, &signature, keyid, &diag), -EINVAL);
                if (!strstr(diag.text, private_cases[i].want))
                        fail_msg("%s: '%s'", private_cases[i].label, diag.text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_add_pem),
            cmocka_unit_test(test_add_pem_of_two),
            cmocka_unit_test(test_add_twice),
            cmocka_unit_test(test_add_base64),
            cmocka_unit_test(test_size_limits),
            cmocka_unit_test(test_sign_and_check),
            cmocka_unit_test(test_private_keys_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
