/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AWS Signature Version 4 in a header, for S3 and stores that speak its protocol. Pure: the time is
 * a parameter, nothing is sent. Our own because libcurl's (CURLOPT_AWS_SIGV4) hashes no body, takes
 * parameters unsorted, and differs from version to version. docs.aws.amazon.com: "Signature
 * Calculations for the Authorization Header: Transferring Payload in a Single Chunk".
 */

#include "base/diag.h"
#include "base/strv.h"

#include <stddef.h>
#include <time.h>

enum { SIGV4_PARAMETERS_MAX = 64 };

/* The texts are borrowed. */
struct sigv4_key {
        const char *region;  /* "eu-central-1" */
        const char *service; /* "s3" */
        const char *access_key, *secret_key;
        const char *session_token; /* NULL: a key that lasts */
};

/* Borrowed. */
struct sigv4_request {
        const char *method; /* "GET" */
        const char *url;    /* that base/url.h accepted */
        const void *body;   /* NULL with size 0 */
        size_t size;
        time_t now;
};

/* Adds whole header lines to *ret: Host, x-amz-content-sha256, x-amz-date, x-amz-security-token,
 * Authorization. Returns -EINVAL (no such URL, too many parameters), -ENOMEM. */
int sigv4_sign(const struct sigv4_key *key, const struct sigv4_request *request, struct strv *ret,
               struct diag *diag) MUST_CHECK;

/* Reads the key from the text of an AWS credentials file: lines of aws_access_key_id,
 * aws_secret_access_key and aws_session_token; [profile], comments and other keys are passed over.
 * Only the first profile counts. text is cut in place and has to outlive *ret, whose region and
 * service are left alone. The sentence never repeats a value. Returns -EINVAL. */
int sigv4_read_credentials(char *text, struct sigv4_key *ret, struct diag *diag) MUST_CHECK;
