/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Public keys a node trusts: Ed25519 and ECDSA P-256, as PEM or DER SubjectPublicKeyInfo. */

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/digest.h"

#include <stddef.h>

enum {
        KEYRING_KEYS_MAX = 64,
        KEY_TEXT_MAX_BYTES = 16 * 1024, /* of one PEM or base64 text */
        SIGNATURE_MAX_BYTES = 256,      /* Ed25519 has 64, DER of P-256 at most 72 */
};

struct keyring;

struct keyring *keyring_new(void); /* NULL when out of memory */
void keyring_free(struct keyring *keyring);
DEFINE_CLEANUP(struct keyring, keyring_free);

/* Adds the public key of a PEM text, which holds one key and maybe comments. A key that is there
 * already is added once. Returns -EINVAL for another kind of key, a private key, a second key or a
 * full ring, -ENOMEM. */
int keyring_add_pem(struct keyring *keyring, const char *pem, size_t size,
                    struct diag *diag) MUST_CHECK;

/* The same for base64 of DER, as in a policy's feeds[].keys. */
int keyring_add_base64(struct keyring *keyring, const char *base64, struct diag *diag) MUST_CHECK;

size_t keyring_size(const struct keyring *keyring);

/* How many distinct keys of the ring made this signature of bytes: sets seen[i] for each of them.
 * seen has keyring_size() entries. Never fails: a bad signature matches no key. */
void keyring_check(const struct keyring *keyring, const void *bytes, size_t size,
                   const void *signature, size_t signature_size, bool *seen);

/* ---- signing, for patchctl policy ---- */

/* A new Ed25519 pair as PEM texts; the caller frees both. Returns -ENOMEM or -EIO. */
int signature_generate(char **ret_private_pem, char **ret_public_pem, struct diag *diag) MUST_CHECK;

/* Signs bytes with a private key in PEM (Ed25519 or P-256). Gives the raw signature (P-256: DER)
 * and the key id, sha256 of the DER public key. Returns -EINVAL for another key. */
struct blob;
int signature_make(const char *private_pem, size_t pem_size, const void *bytes, size_t size,
                   struct blob *ret_signature, char ret_keyid[static SHA256_TEXT_SIZE],
                   struct diag *diag) MUST_CHECK;
