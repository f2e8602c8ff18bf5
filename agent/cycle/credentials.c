/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/credentials.h"

#include "base/str.h"
#include "cycle/http.h"
#include "host/files.h"

#include <string.h>

enum { CREDENTIAL_MAX_BYTES = 64 * 1024 };

void credentials_done(struct credentials *credentials)
{
        if (credentials->token)
                explicit_bzero(credentials->token, strlen(credentials->token));
        if (credentials->aws_text)
                explicit_bzero(credentials->aws_text, credentials->aws_size);
        free(credentials->token);
        free(credentials->aws_text);
        free(credentials->client_cert);
        free(credentials->client_key);
        *credentials = (struct credentials){0};
}

/* *ret stays NULL for one that isn't there, or is the unit's empty default. */
static int read_credential(const char *folder, const char *name, char **ret, struct diag *diag)
{
        CLEANUP(freep) char *path = folder ? str_format("%s/%s", folder, name) : NULL;
        CLEANUP(blob_done) struct blob bytes = {0};
        struct diag why = {0};
        int r;

        if (!path)
                return folder ? -ENOMEM : 0;
        r = files_read(path, CREDENTIAL_MAX_BYTES, false, &bytes, &why);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return diag_fail(diag, r, "%s", diag_text(&why, r));
        if (bytes.data[strspn(bytes.data, " \t\r\n")] != '\0')
                *ret = TAKE_PTR(bytes.data);
        return 0;
}

static int load_token(const char *folder, struct credentials *credentials, struct diag *diag)
{
        int r = read_credential(folder, "endpoint-token", &credentials->token, diag);

        if (r < 0 || !credentials->token)
                return r;
        credentials->token[strcspn(credentials->token, "\r\n")] = '\0';
        return http_check_token(credentials->token, diag);
}

/* libcurl reads them by itself, from a path. */
static int load_path(const char *folder, const char *name, const char *configured, char **ret,
                     struct diag *diag)
{
        CLEANUP(freep) char *text = NULL;
        int r;

        if (configured) {
                *ret = strdup(configured);
                return *ret ? 0 : -ENOMEM;
        }
        r = read_credential(folder, name, &text, diag);
        if (r < 0 || !text)
                return r;
        explicit_bzero(text, strlen(text));
        *ret = str_format("%s/%s", folder, name);
        return *ret ? 0 : -ENOMEM;
}

static int load_certificate(const struct config *config, const char *folder,
                            struct credentials *credentials, struct diag *diag)
{
        int r = load_path(folder, "endpoint-cert", config->client_cert, &credentials->client_cert,
                          diag);

        if (r >= 0)
                r = load_path(folder, "endpoint-key", config->client_key, &credentials->client_key,
                              diag);
        if (r >= 0 && !credentials->client_cert != !credentials->client_key)
                return diag_fail(diag, -EINVAL,
                                 "of the credentials endpoint-cert and endpoint-key only one is "
                                 "there; a certificate needs its key");
        return r;
}

static int load_sigv4(const struct config *config, const char *folder,
                      struct credentials *credentials, struct diag *diag)
{
        int r;

        if (!config->aws_region)
                return 0;
        if (credentials->token)
                return diag_fail(diag, -EINVAL,
                                 "control.aws_region signs requests, and there is a token too: "
                                 "remove one of them");
        r = read_credential(folder, "endpoint-aws", &credentials->aws_text, diag);
        if (r < 0)
                return r;
        if (!credentials->aws_text)
                return diag_fail(diag, -EINVAL,
                                 "control.aws_region wants the credential endpoint-aws: put it "
                                 "into /etc/patchd/aws-credentials");
        credentials->aws_size = strlen(credentials->aws_text);
        credentials->sigv4 =
            (struct sigv4_key){.region = config->aws_region, .service = config->aws_service};
        credentials->has_sigv4 = true;
        return sigv4_read_credentials(credentials->aws_text, &credentials->sigv4, diag);
}

int credentials_load(const struct config *config, const char *folder, struct credentials *ret,
                     struct diag *diag)
{
        CLEANUP(credentials_done) struct credentials credentials = {0};
        int r = load_token(folder, &credentials, diag);

        if (r >= 0)
                r = load_certificate(config, folder, &credentials, diag);
        if (r >= 0)
                r = load_sigv4(config, folder, &credentials, diag);
        if (r < 0)
                return r;
        *ret = credentials;
        credentials = (struct credentials){0};
        return 0;
}
