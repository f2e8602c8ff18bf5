/* SPDX-License-Identifier: Apache-2.0 */
/* The DSSE part of envelope.h. */
#include "base/base64.h"
#include "base/json.h"
#include "base/str.h"
#include "policy/policy-private.h"

#include <string.h>

enum { VALUES_MAX = 4096 };   /* those that nobody knows are ignored */
enum { SIGNATURES_MAX = 16 }; /* each is tried with every key, over the whole payload */

/* An envelope taken apart, nothing of it believed yet. */
struct dsse {
        struct json *json;
        struct blob payload;
        const char *payload_type;      /* of json */
        const struct json *signatures; /* of json */
};

static void dsse_done(struct dsse *dsse)
{
        json_free(dsse->json);
        blob_done(&dsse->payload);
}

static int check_size(const struct blob *bytes, struct diag *diag)
{
        if (bytes->size <= ENVELOPE_SIZE_MAX_BYTES)
                return 0;
        return diag_fail(diag, -EBADMSG, "%zu bytes are more than the %d that are allowed",
                         bytes->size, ENVELOPE_SIZE_MAX_BYTES);
}

/* Members that are not known are ignored, as DSSE demands. */
static int dsse_parse(const struct blob *bytes, struct dsse *dsse, struct diag *diag)
{
        const char *payload;
        int r;

        r = json_parse_few(bytes->data, bytes->size, VALUES_MAX, &dsse->json, diag);
        if (r < 0)
                return r == -E2BIG ? -EINVAL : r;
        payload = json_get_string(dsse->json, "payload");
        dsse->payload_type = json_get_string(dsse->json, "payloadType");
        dsse->signatures = json_get(dsse->json, "signatures");
        if (!payload || !dsse->payload_type || !dsse->signatures)
                return diag_fail(diag, -EINVAL,
                                 "not a DSSE envelope: it needs the texts 'payload' and "
                                 "'payloadType' and the list 'signatures'");
        r = base64_decode(payload, strlen(payload), &dsse->payload);
        if (r == -EINVAL)
                return diag_fail(diag, r, "payload: not base64");
        return r;
}

/* PAE of DSSE 1.0: what is signed, so that neither length nor type can be moved. */
static int make_pae(const char *type, const struct blob *payload, struct str *pae)
{
        str_appendf(pae, "DSSEv1 %zu %s %zu ", strlen(type), type, payload->size);
        str_append_n(pae, payload->data, payload->size);
        return pae->failed ? -ENOMEM : 0;
}

static int check_signature(const struct json *signature, const struct str *pae,
                           const struct keyring *keys, bool *seen)
{
        const char *text = json_get_string(signature, "sig");
        CLEANUP(blob_done) struct blob raw = {0};
        int r;

        if (!text || strlen(text) / 2 > SIGNATURE_MAX_BYTES)
                return 0; /* a strange signature beside a good one does no harm */
        r = base64_decode(text, strlen(text), &raw);
        if (r == 0)
                keyring_check(keys, pae->data, pae->length, raw.data, raw.size, seen);
        return r == -ENOMEM ? r : 0;
}

static int count_signers(const struct dsse *dsse, const struct keyring *keys, unsigned *ret)
{
        CLEANUP(str_done) struct str pae = {0};
        bool seen[KEYRING_KEYS_MAX] = {0};
        unsigned n_signers = 0;
        int r;

        r = make_pae(dsse->payload_type, &dsse->payload, &pae);
        for (size_t i = 0; r == 0 && i < json_length(dsse->signatures); i++)
                r = check_signature(json_at(dsse->signatures, i), &pae, keys, seen);
        if (r < 0)
                return r;
        for (size_t i = 0; i < keyring_size(keys); i++)
                n_signers += seen[i];
        *ret = n_signers;
        return 0;
}

static int check_signers(const struct dsse *dsse, const struct keyring *keys, unsigned threshold,
                         struct diag *diag)
{
        size_t n_signatures = json_length(dsse->signatures), n_keys = keyring_size(keys);
        unsigned n_needed = threshold > 0 ? threshold : 1, n_signers = 0;
        int r;

        if (n_keys < n_needed)
                return diag_fail(diag, -EBADMSG,
                                 "%u trusted keys have to sign, but %zu are installed", n_needed,
                                 n_keys);
        if (n_signatures == 0)
                return diag_fail(diag, -EBADMSG, "the envelope is not signed");
        if (n_signatures > SIGNATURES_MAX)
                return diag_fail(diag, -EBADMSG, "%zu signatures, more than %d", n_signatures,
                                 SIGNATURES_MAX);
        r = count_signers(dsse, keys, &n_signers);
        if (r < 0)
                return r;
        if (n_signers == 0)
                return diag_fail(diag, -EBADMSG,
                                 "no signature by a trusted key fits the payload (%zu signatures, "
                                 "%zu trusted keys)",
                                 n_signatures, n_keys);
        if (n_signers < n_needed)
                return diag_fail(diag, -EBADMSG, "signed by %u trusted keys, %u are needed",
                                 n_signers, n_needed);
        return 0;
}

static int check_type(const struct dsse *dsse, const char *payload_type, struct diag *diag)
{
        if (strcmp(dsse->payload_type, payload_type) == 0)
                return 0;
        return diag_fail(diag, -EBADMSG, "payloadType: '%s' is not '%s'", dsse->payload_type,
                         payload_type);
}

static void take_payload(struct dsse *dsse, struct blob *ret)
{
        blob_done(ret);
        *ret = dsse->payload;
        dsse->payload = (struct blob){0};
}

int dsse_open(const struct blob *bytes, const struct keyring *keys, unsigned threshold,
              const char *payload_type, struct blob *ret_payload, enum refusal *ret_refusal,
              struct diag *diag)
{
        CLEANUP(dsse_done) struct dsse dsse = {0};
        int r;

        r = check_size(bytes, diag);
        if (r < 0)
                return envelope_refuse(ret_refusal, REFUSAL_SIZE, r);
        r = dsse_parse(bytes, &dsse, diag);
        if (r < 0)
                return envelope_refuse(ret_refusal, REFUSAL_FORMAT, r);
        r = check_signers(&dsse, keys, threshold, diag);
        if (r < 0)
                return envelope_refuse(ret_refusal, REFUSAL_SIGNATURE, r);
        r = check_type(&dsse, payload_type, diag);
        if (r < 0)
                return envelope_refuse(ret_refusal, REFUSAL_TYPE, r);
        take_payload(&dsse, ret_payload);
        return 0;
}

int dsse_peek(const struct blob *bytes, const char *payload_type, struct blob *ret_payload,
              struct diag *diag)
{
        CLEANUP(dsse_done) struct dsse dsse = {0};
        int r;

        r = check_size(bytes, diag);
        if (r < 0)
                return r;
        r = dsse_parse(bytes, &dsse, diag);
        if (r < 0)
                return r;
        r = check_type(&dsse, payload_type, diag);
        if (r < 0)
                return r;
        take_payload(&dsse, ret_payload);
        return 0;
}

/* ---- signing ---- */

/* The signatures that stay: all but an earlier one by the same key. */
static void add_signatures(struct json_writer *writer, const struct dsse *old, const char *keyid,
                           const char *signature)
{
        json_begin_array(writer, "signatures");
        for (size_t i = 0; i < json_length(old->signatures); i++) {
                const struct json *other = json_at(old->signatures, i);

                if (!str_equal(json_get_string(other, "keyid"), keyid))
                        json_add_value(writer, NULL, other);
        }
        json_begin_object(writer, NULL);
        json_add_string(writer, "keyid", keyid);
        json_add_string(writer, "sig", signature);
        json_end(writer);
        json_end(writer);
}

static int write_envelope(const struct blob *payload, const char *payload_type,
                          const struct dsse *old, const char *keyid, const struct blob *signature,
                          char **ret)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *payload_text = NULL;
        CLEANUP(freep) char *signature_text = NULL;
        int r;

        r = base64_encode(payload->data, payload->size, &payload_text);
        if (r < 0 || !writer)
                return -ENOMEM;
        r = base64_encode(signature->data, signature->size, &signature_text);
        if (r < 0)
                return r;
        json_begin_object(writer, NULL);
        json_add_string(writer, "payload", payload_text);
        json_add_string(writer, "payloadType", payload_type);
        add_signatures(writer, old, keyid, signature_text);
        json_end(writer);
        return json_writer_finish(writer, false, ret);
}

static int parse_old(const struct blob *envelope, const struct blob *payload,
                     const char *payload_type, struct dsse *old, struct diag *diag)
{
        int r;

        if (!envelope)
                return 0;
        r = dsse_parse(envelope, old, diag);
        if (r < 0)
                return r;
        r = check_type(old, payload_type, diag);
        if (r < 0)
                return -EINVAL;
        if (old->payload.size != payload->size ||
            memcmp(old->payload.data, payload->data, payload->size) != 0)
                return diag_fail(diag, -EINVAL,
                                 "the envelope holds another payload; sign into a new file");
        if (json_length(old->signatures) >= SIGNATURES_MAX)
                return diag_fail(diag, -EINVAL, "the envelope has %d signatures already",
                                 SIGNATURES_MAX);
        return 0;
}

int dsse_sign(const struct blob *payload, const char *payload_type, const struct blob *envelope,
              const char *private_pem, size_t pem_size, char **ret, struct diag *diag)
{
        CLEANUP(blob_done) struct blob signature = {0};
        CLEANUP(str_done) struct str pae = {0};
        CLEANUP(dsse_done) struct dsse old = {0};
        char keyid[SHA256_TEXT_SIZE];
        int r;

        r = parse_old(envelope, payload, payload_type, &old, diag);
        if (r < 0)
                return r;
        r = make_pae(payload_type, payload, &pae);
        if (r < 0)
                return r;
        r = signature_make(private_pem, pem_size, pae.data, pae.length, &signature, keyid, diag);
        if (r < 0)
                return r;
        return write_envelope(payload, payload_type, &old, keyid, &signature, ret);
}
