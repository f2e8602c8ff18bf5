/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"
#include "policy/keyring.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

DEFINE_CLEANUP(BIO, BIO_free_all);
DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free);
DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free);

struct keyring {
        EVP_PKEY *keys[KEYRING_KEYS_MAX];
        size_t n_keys;
};

struct keyring *keyring_new(void)
{
        return calloc(1, sizeof(struct keyring));
}

void keyring_free(struct keyring *keyring)
{
        if (!keyring)
                return;
        for (size_t i = 0; i < keyring->n_keys; i++)
                EVP_PKEY_free(keyring->keys[i]);
        free(keyring);
}

size_t keyring_size(const struct keyring *keyring)
{
        return keyring->n_keys;
}

static bool is_ed25519(const EVP_PKEY *key)
{
        return EVP_PKEY_is_a(key, "ED25519") == 1;
}

static bool is_p256(const EVP_PKEY *key)
{
        char group[64];

        return EVP_PKEY_is_a(key, "EC") == 1 &&
               EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                              NULL) == 1 &&
               strcmp(group, "prime256v1") == 0;
}

/* Ed25519 hashes by itself. */
static const EVP_MD *digest_for(const EVP_PKEY *key)
{
        return is_ed25519(key) ? NULL : EVP_sha256();
}

static int check_kind(const EVP_PKEY *key, struct diag *diag)
{
        const char *kind = EVP_PKEY_get0_type_name(key);

        if (is_ed25519(key) || is_p256(key))
                return 0;
        return diag_fail(diag, -EINVAL,
                         "the key is of type %s; only Ed25519 and ECDSA P-256 are accepted",
                         kind ? kind : "unknown");
}

/* Takes over key when it succeeds. */
static int add_key(struct keyring *keyring, EVP_PKEY **key, struct diag *diag)
{
        int r = check_kind(*key, diag);

        if (r < 0)
                return r;
        for (size_t i = 0; i < keyring->n_keys; i++)
                if (EVP_PKEY_eq(keyring->keys[i], *key) == 1)
                        return 0;
        if (keyring->n_keys == KEYRING_KEYS_MAX)
                return diag_fail(diag, -EINVAL, "more than %d keys", KEYRING_KEYS_MAX);
        keyring->keys[keyring->n_keys++] = TAKE_PTR(*key);
        return 0;
}

/* Keeps libcrypto from asking the terminal for a passphrase. */
static int no_passphrase(char *buffer, int size, int is_writing, void *context)
{
        (void)buffer;
        (void)size;
        (void)is_writing;
        (void)context;
        return -1;
}

static BIO *open_text(const char *text, size_t size)
{
        return size <= KEY_TEXT_MAX_BYTES ? BIO_new_mem_buf(text, (int)size) : NULL;
}

int keyring_add_pem(struct keyring *keyring, const char *pem, size_t size, struct diag *diag)
{
        CLEANUP(BIO_free_allp) BIO *bio = open_text(pem, size);
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL, *second = NULL;

        if (size > KEY_TEXT_MAX_BYTES)
                return diag_fail(diag, -EINVAL, "a key of more than %d bytes", KEY_TEXT_MAX_BYTES);
        if (!bio)
                return -ENOMEM;
        if (memmem(pem, size, "PRIVATE KEY-----", strlen("PRIVATE KEY-----")))
                return diag_fail(diag, -EINVAL,
                                 "holds a private key; only the public part belongs on nodes");
        key = PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
        if (key)
                second = PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
        ERR_clear_error();
        if (!key)
                return diag_fail(diag, -EINVAL, "holds no PEM block 'PUBLIC KEY'");
        if (second)
                return diag_fail(diag, -EINVAL, "holds more than one key; use one file per key");
        return add_key(keyring, &key, diag);
}

int keyring_add_base64(struct keyring *keyring, const char *base64, struct diag *diag)
{
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        CLEANUP(blob_done) struct blob der = {0};
        const unsigned char *at;
        int r;

        if (strlen(base64) > KEY_TEXT_MAX_BYTES)
                return diag_fail(diag, -EINVAL, "a key of more than %d bytes", KEY_TEXT_MAX_BYTES);
        r = base64_decode(base64, strlen(base64), &der);
        if (r == -EINVAL)
                return diag_fail(diag, r, "the key is not base64");
        if (r < 0)
                return r;
        at = (const unsigned char *)der.data;
        key = d2i_PUBKEY(NULL, &at, (long)der.size);
        ERR_clear_error();
        if (!key || at != (const unsigned char *)der.data + der.size)
                return diag_fail(diag, -EINVAL,
                                 "the key is not base64 of a public key in DER "
                                 "(SubjectPublicKeyInfo)");
        return add_key(keyring, &key, diag);
}

static bool verify(EVP_PKEY *key, const void *bytes, size_t size, const void *signature,
                   size_t signature_size)
{
        CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();

        return context && EVP_DigestVerifyInit(context, NULL, digest_for(key), NULL, key) == 1 &&
               EVP_DigestVerify(context, signature, signature_size, bytes, size) == 1;
}

void keyring_check(const struct keyring *keyring, const void *bytes, size_t size,
                   const void *signature, size_t signature_size, bool *seen)
{
        if (signature_size == 0 || signature_size > SIGNATURE_MAX_BYTES)
                return;
        for (size_t i = 0; i < keyring->n_keys; i++)
                if (!seen[i])
                        seen[i] = verify(keyring->keys[i], bytes, size, signature, signature_size);
        ERR_clear_error();
}

/* ---- signing ---- */

/* The text that a memory BIO collected; the caller frees. */
static int take_text(BIO *bio, char **ret)
{
        char *data = NULL, *copy;
        long size = BIO_get_mem_data(bio, &data);

        copy = size > 0 ? strndup(data, (size_t)size) : NULL;
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

int signature_generate(char **ret_private_pem, char **ret_public_pem, struct diag *diag)
{
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        CLEANUP(BIO_free_allp) BIO *secret = BIO_new(BIO_s_secmem());
        CLEANUP(BIO_free_allp) BIO *shared = BIO_new(BIO_s_mem());
        CLEANUP(freep) char *private_pem = NULL;
        int r;

        ERR_clear_error();
        if (!secret || !shared)
                return -ENOMEM;
        if (!key)
                return diag_fail(diag, -EIO,
                                 "libcrypto can't make an Ed25519 key (in FIPS mode make a P-256 "
                                 "key with openssl)");
        if (PEM_write_bio_PKCS8PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) != 1 ||
            PEM_write_bio_PUBKEY(shared, key) != 1)
                return -ENOMEM;
        r = take_text(secret, &private_pem);
        if (r < 0)
                return r;
        r = take_text(shared, ret_public_pem);
        if (r < 0)
                return r;
        *ret_private_pem = TAKE_PTR(private_pem);
        return 0;
}

static int key_id_of(const EVP_PKEY *key, char ret[static SHA256_TEXT_SIZE])
{
        unsigned char *der = NULL;
        int size = i2d_PUBKEY(key, &der), r;

        if (size < 0)
                return -ENOMEM;
        r = digest_of(der, (size_t)size, ret);
        OPENSSL_free(der);
        return r;
}

static int sign(EVP_PKEY *key, const void *bytes, size_t size, struct blob *ret, struct diag *diag)
{
        CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
        unsigned char signature[SIGNATURE_MAX_BYTES];
        size_t signature_size = sizeof(signature);
        bool ok;

        if (!context)
                return -ENOMEM;
        ok = EVP_DigestSignInit(context, NULL, digest_for(key), NULL, key) == 1 &&
             EVP_DigestSign(context, signature, &signature_size, bytes, size) == 1;
        ERR_clear_error();
        if (!ok)
                return diag_fail(diag, -EIO, "libcrypto can't sign with this key");
        return blob_copy(ret, signature, signature_size);
}

int signature_make(const char *private_pem, size_t pem_size, const void *bytes, size_t size,
                   struct blob *ret_signature, char ret_keyid[static SHA256_TEXT_SIZE],
                   struct diag *diag)
{
        CLEANUP(BIO_free_allp) BIO *bio = open_text(private_pem, pem_size);
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        char keyid[SHA256_TEXT_SIZE];
        int r;

        if (pem_size > KEY_TEXT_MAX_BYTES)
                return diag_fail(diag, -EINVAL, "a key of more than %d bytes", KEY_TEXT_MAX_BYTES);
        if (!bio)
                return -ENOMEM;
        key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
        ERR_clear_error();
        if (!key)
                return diag_fail(diag, -EINVAL, "holds no private key in PEM without a passphrase");
        r = check_kind(key, diag);
        if (r < 0)
                return r;
        r = key_id_of(key, keyid);
        if (r < 0)
                return r;
        r = sign(key, bytes, size, ret_signature, diag);
        if (r < 0)
                return r;
        memcpy(ret_keyid, keyid, sizeof(keyid));
        return 0;
}
