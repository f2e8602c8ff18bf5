/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/http.h"

#include "cycle/origin.h"

#include <string.h>

char *http_etag_value(const char *text, size_t length)
{
        while (length > 0 && (*text == ' ' || *text == '\t')) {
                text++;
                length--;
        }
        while (length > 0 && strchr(" \t\r\n", text[length - 1]))
                length--;
        if (length < 2 || length > HTTP_ETAG_MAX_BYTES || text[length - 1] != '"')
                return NULL;
        for (size_t i = 0; i < length; i++)
                if (text[i] < '!' || text[i] > '~')
                        return NULL;
        return strndup(text, length);
}

int64_t http_cap_retry_after(int64_t seconds)
{
        if (seconds <= 0)
                return 0;
        return seconds < HTTP_RETRY_AFTER_MAX_SECONDS ? seconds : HTTP_RETRY_AFTER_MAX_SECONDS;
}

int http_check_token(const char *token, struct diag *diag)
{
        if (strlen(token) > HTTP_TOKEN_MAX_BYTES)
                return diag_fail(diag, -EINVAL, "the endpoint token is longer than %d bytes",
                                 HTTP_TOKEN_MAX_BYTES);
        if (!*token)
                return diag_fail(diag, -EINVAL, "the endpoint token is empty");
        for (const char *c = token; *c; c++)
                if (*c <= ' ' || *c > '~')
                        return diag_fail(diag, -EINVAL,
                                         "the endpoint token has a blank or a character that HTTP "
                                         "headers can't have");
        return 0;
}

static const struct status {
        long status;
        const char *text;
} statuses[] = {
    {304, "not modified, although nothing was known before"},
    {400, "the request makes no sense to it"},
    {401, "it wants other credentials"},
    {403, "it does not allow this"},
    {404, "there is nothing at this address"},
    {405, "it does not take this method"},
    {407, "the proxy wants credentials"},
    {408, "it waited too long"},
    {409, "the folder is not there"},
    {410, "it is gone"},
    {411, "it wants a length"},
    {413, "too large for it"},
    {415, "it does not take this encoding"},
    {422, "it does not accept the content"},
    {429, "too many requests"},
    {500, "it has an internal error"},
    {502, "its upstream gives no proper answer"},
    {503, "it is not available now"},
    {504, "its upstream does not answer"},
    {507, "it is out of space"},
};

static const char *status_text(long status)
{
        for (size_t i = 0; i < ELEMENTSOF(statuses); i++)
                if (statuses[i].status == status)
                        return statuses[i].text;
        return status >= 500 ? "it failed" : "that is not what was asked for";
}

int http_fail_status(struct diag *diag, const char *url, long status, const char *key)
{
        CLEANUP(freep) char *origin = origin_text(url);

        return diag_fail(diag, -EREMOTEIO, "%s answered %ld (%s): check %s", origin ? origin : url,
                         status, status_text(status), key);
}
