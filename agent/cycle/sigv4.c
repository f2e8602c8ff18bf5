/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/sigv4.h"

#include "base/digest.h"
#include "base/str.h"
#include "cycle/origin.h"

#include <ctype.h>
#include <string.h>

#define ALGORITHM "AWS4-HMAC-SHA256"

enum { STAMP_SIZE = sizeof("20130524T000000Z"), DATE_LENGTH = 8, KEY_MAX_BYTES = 4096 };

/* ---- the canonical URL ---- */

static int hex_value(char c)
{
        static const char digits[] = "0123456789abcdef";
        const char *found = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

        return found ? (int)(found - digits) : -1;
}

/* Percent-encodes what is not unreserved, after decoding: "%7e" and "~" are the same. */
static void append_encoded(struct str *str, const char *text, size_t length, const char *keep)
{
        static const char unreserved[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

        for (size_t i = 0; i < length; i++) {
                unsigned char c = (unsigned char)text[i];
                bool is_kept = c && strchr(keep, c);

                if (c == '%' && i + 2 < length && hex_value(text[i + 1]) >= 0 &&
                    hex_value(text[i + 2]) >= 0) {
                        c = (unsigned char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
                        is_kept = false; /* a '/' that was encoded stays so */
                        i += 2;
                }
                if (is_kept || (c && strchr(unreserved, c)))
                        str_append_char(str, (char)c);
                else
                        str_appendf(str, "%%%02X", c);
        }
}

/* Between name and value while they are sorted: below every character, so that "a" comes before
 * "a-b". */
#define BEFORE_VALUE '\x01'

static int add_parameter(struct strv *parameters, const char *text, size_t length)
{
        CLEANUP(str_done) struct str encoded = {0};
        const char *equals = memchr(text, '=', length);
        size_t name_length = equals ? (size_t)(equals - text) : length;

        append_encoded(&encoded, text, name_length, "");
        str_append_char(&encoded, BEFORE_VALUE);
        if (equals)
                append_encoded(&encoded, equals + 1, length - name_length - 1, "");
        return encoded.failed ? -ENOMEM : strv_add(parameters, encoded.data);
}

static int canonical_query(const char *query, char **ret, struct diag *diag)
{
        CLEANUP(strv_done) struct strv parameters = {0};
        size_t length = strcspn(query, "#");
        int r = 0;

        while (r >= 0 && length > 0) {
                const char *ampersand = memchr(query, '&', length);
                size_t part = ampersand ? (size_t)(ampersand - query) : length;

                if (parameters.n_items == SIGV4_PARAMETERS_MAX)
                        return diag_fail(diag, -EINVAL, "more than %d parameters in an address",
                                         SIGV4_PARAMETERS_MAX);
                if (part > 0)
                        r = add_parameter(&parameters, query, part);
                part += ampersand ? 1 : 0;
                query += part;
                length -= part;
        }
        if (r < 0)
                return r;
        strv_sort(&parameters);
        for (size_t i = 0; i < parameters.n_items; i++)
                *strchr(parameters.items[i], BEFORE_VALUE) = '=';
        return strv_join(&parameters, "&", ret);
}

static int append_url(struct str *str, const char *path, struct diag *diag)
{
        CLEANUP(freep) char *query = NULL;
        size_t path_length = strcspn(path, "?#");
        int r;

        r = canonical_query(path[path_length] == '?' ? path + path_length + 1 : "", &query, diag);
        if (r < 0)
                return r;
        if (path_length == 0)
                str_append_char(str, '/');
        append_encoded(str, path, path_length, "/");
        str_appendf(str, "\n%s\n", query);
        return 0;
}

/* As it stands in the Host header: the port only where it is not the scheme's own. */
static char *host_text(const char *url)
{
        CLEANUP(freep) char *origin = origin_text(url);
        const char *host = origin ? strstr(origin, "://") : NULL;
        char *text = host ? strdup(host + strlen("://")) : NULL;

        for (char *c = text; c && *c; c++)
                *c = (char)tolower((unsigned char)*c);
        return text;
}

/* ---- the signature ---- */

/* What is signed, and what goes into the header. */
struct signing {
        char stamp[STAMP_SIZE];
        char body_digest[SHA256_TEXT_SIZE];
        char *host, *scope;
        struct str headers; /* canonical, one line each */
        const char *names;
};

static void signing_done(struct signing *signing)
{
        free(signing->host);
        free(signing->scope);
        str_done(&signing->headers);
}

static int prepare(const struct sigv4_key *key, const struct sigv4_request *request,
                   struct signing *signing)
{
        struct tm tm;
        int r;

        if (!gmtime_r(&request->now, &tm) ||
            strftime(signing->stamp, STAMP_SIZE, "%Y%m%dT%H%M%SZ", &tm) == 0)
                return -EINVAL;
        r = digest_of(request->body ?: "", request->size, signing->body_digest);
        if (r < 0)
                return r;
        signing->host = host_text(request->url);
        signing->scope = str_format("%.*s/%s/%s/aws4_request", DATE_LENGTH, signing->stamp,
                                    key->region, key->service);
        if (!signing->host || !signing->scope)
                return -ENOMEM;
        str_appendf(&signing->headers, "host:%s\nx-amz-content-sha256:%s\nx-amz-date:%s\n",
                    signing->host, signing->body_digest, signing->stamp);
        signing->names = "host;x-amz-content-sha256;x-amz-date";
        if (key->session_token) {
                str_appendf(&signing->headers, "x-amz-security-token:%s\n", key->session_token);
                signing->names = "host;x-amz-content-sha256;x-amz-date;x-amz-security-token";
        }
        return 0;
}

static int digest_request(const struct sigv4_request *request, const struct signing *signing,
                          char ret[static SHA256_TEXT_SIZE], struct diag *diag)
{
        CLEANUP(str_done) struct str text = {0};
        const char *host = strstr(request->url, "://") + strlen("://");
        int r;

        str_appendf(&text, "%s\n", request->method);
        r = append_url(&text, host + strcspn(host, "/?#"), diag);
        if (r < 0)
                return r;
        str_appendf(&text, "%s\n%s\n%s", signing->headers.data, signing->names,
                    signing->body_digest);
        return text.failed ? -ENOMEM : digest_of(text.data, text.length, ret);
}

/* HMAC after HMAC: date, region, service, the constant, what is signed. */
static int make_signature(const struct sigv4_key *key, const struct signing *signing,
                          const char *to_sign, char ret[static SHA256_TEXT_SIZE])
{
        unsigned char sum[SHA256_SIZE];
        char date[DATE_LENGTH + 1];
        CLEANUP(freep) char *first = str_format("AWS4%s", key->secret_key);
        const char *const parts[] = {key->region, key->service, "aws4_request", to_sign};
        int r;

        if (!first)
                return -ENOMEM;
        memcpy(date, signing->stamp, DATE_LENGTH);
        date[DATE_LENGTH] = '\0';
        r = digest_hmac(first, strlen(first), date, sum);
        explicit_bzero(first, strlen(first));
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(parts); i++) {
                unsigned char next[SHA256_SIZE];

                r = digest_hmac(sum, sizeof(sum), parts[i], next);
                memcpy(sum, next, sizeof(sum));
        }
        if (r < 0)
                return r;
        digest_to_text(sum, ret);
        explicit_bzero(sum, sizeof(sum));
        return 0;
}

static int add_lines(const struct sigv4_key *key, const struct signing *signing,
                     const char *signature, struct strv *ret)
{
        int r = strv_addf(ret, "Host: %s", signing->host);

        if (r >= 0)
                r = strv_addf(ret, "x-amz-content-sha256: %s", signing->body_digest);
        if (r >= 0)
                r = strv_addf(ret, "x-amz-date: %s", signing->stamp);
        if (r >= 0 && key->session_token)
                r = strv_addf(ret, "x-amz-security-token: %s", key->session_token);
        if (r >= 0)
                r = strv_addf(ret,
                              "Authorization: " ALGORITHM
                              " Credential=%s/%s,SignedHeaders=%s,Signature=%s",
                              key->access_key, signing->scope, signing->names, signature);
        return r;
}

int sigv4_sign(const struct sigv4_key *key, const struct sigv4_request *request, struct strv *ret,
               struct diag *diag)
{
        CLEANUP(signing_done) struct signing signing = {0};
        CLEANUP(freep) char *to_sign = NULL;
        char request_digest[SHA256_TEXT_SIZE], signature[SHA256_TEXT_SIZE];
        struct origin origin;
        int r;

        if (origin_of(request->url, &origin) < 0)
                return diag_fail(diag, -EINVAL, "'%s' is no address on a network", request->url);
        r = prepare(key, request, &signing);
        if (r >= 0)
                r = signing.headers.failed ? -ENOMEM : 0;
        if (r >= 0)
                r = digest_request(request, &signing, request_digest, diag);
        if (r < 0)
                return r;
        to_sign =
            str_format(ALGORITHM "\n%s\n%s\n%s", signing.stamp, signing.scope, request_digest);
        if (!to_sign)
                return -ENOMEM;
        r = make_signature(key, &signing, to_sign, signature);
        return r < 0 ? r : add_lines(key, &signing, signature, ret);
}

/* ---- credentials ---- */

static const struct credential {
        const char *name;
        size_t offset;
        bool is_required;
} credentials[] = {
    {"aws_access_key_id", offsetof(struct sigv4_key, access_key), true},
    {"aws_secret_access_key", offsetof(struct sigv4_key, secret_key), true},
    {"aws_session_token", offsetof(struct sigv4_key, session_token), false},
};

static const char **credential_in(struct sigv4_key *key, const struct credential *credential)
{
        return (const char **)((char *)key + credential->offset);
}

static char *trim(char *text)
{
        char *end;

        text += strspn(text, " \t\r");
        end = text + strlen(text);
        while (end > text && strchr(" \t\r", end[-1]))
                *--end = '\0';
        return text;
}

/* A value stands in a header as it is. */
static bool is_plain(const char *value)
{
        size_t length = strlen(value);

        for (size_t i = 0; i < length; i++)
                if (value[i] < '!' || value[i] > '~')
                        return false;
        return length > 0 && length <= KEY_MAX_BYTES;
}

static int read_line(char *line, struct sigv4_key *key, struct diag *diag)
{
        char *equals = strchr(line, '=');
        const char *name, *value;

        if (!equals)
                return 0;
        *equals = '\0';
        name = trim(line);
        value = trim(equals + 1);
        for (size_t i = 0; i < ELEMENTSOF(credentials); i++) {
                if (strcmp(name, credentials[i].name) != 0)
                        continue;
                if (!is_plain(value))
                        return diag_fail(diag, -EINVAL,
                                         "the endpoint's AWS credentials: %s is empty, too long or "
                                         "has a character that HTTP headers can't have",
                                         name);
                *credential_in(key, &credentials[i]) = value;
        }
        return 0;
}

int sigv4_read_credentials(char *text, struct sigv4_key *ret, struct diag *diag)
{
        struct sigv4_key key = {.region = ret->region, .service = ret->service};
        size_t n_profiles = 0;
        char *line;
        int r;

        while ((line = strsep(&text, "\n"))) {
                line = trim(line);
                if (*line == '[' && ++n_profiles > 1)
                        break;
                if (*line == '#' || *line == ';' || *line == '[')
                        continue;
                r = read_line(line, &key, diag);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < ELEMENTSOF(credentials); i++)
                if (credentials[i].is_required && !*credential_in(&key, &credentials[i]))
                        return diag_fail(diag, -EINVAL,
                                         "the endpoint's AWS credentials have no %s: put the lines "
                                         "of an AWS credentials file there",
                                         credentials[i].name);
        *ret = key;
        return 0;
}
