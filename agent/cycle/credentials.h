/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What proves to the control endpoint who this node is: systemd's credentials (LoadCredential=,
 * LoadCredentialEncrypted=) in $CREDENTIALS_DIRECTORY. One that holds nothing but blanks is none.
 */

#include "cycle/sigv4.h"
#include "host/config.h"

#include <stdbool.h>

struct credentials {
        char *token;                    /* endpoint-token; NULL: none */
        char *client_cert, *client_key; /* paths: the configuration's, else endpoint-cert, -key */
        struct sigv4_key sigv4;         /* endpoint-aws */
        bool has_sigv4;                 /* aws_region is configured */
        char *aws_text;                 /* what sigv4 points into, cut in pieces */
        size_t aws_size;
};

/* folder NULL: there are none but the configuration's; config is borrowed by *ret. Returns -EINVAL
 * when something is missing or there is more than one way, -ENOMEM, or why a file can't be read. */
int credentials_load(const struct config *config, const char *folder, struct credentials *ret,
                     struct diag *diag) MUST_CHECK;
void credentials_done(struct credentials *credentials);
