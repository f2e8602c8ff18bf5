/* SPDX-License-Identifier: Apache-2.0 */
#include "host/policy_source.h"

#include "base/str.h"
#include "host/files.h"
#include "host/host.h"

#include <ctype.h>
#include <string.h>

static int hex_value(char c)
{
        static const char digits[] = "0123456789abcdef";
        const char *found = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

        return found ? (int)(found - digits) : -1;
}

/* The path of a file:// url (RFC 8089), or the path itself. */
static int path_of(const char *path_or_url, char **ret, struct diag *diag)
{
        CLEANUP(str_done) struct str path = {0};
        const char *p = path_or_url + strlen("file://");

        if (path_or_url[0] == '/') {
                *ret = strdup(path_or_url);
                return *ret ? 0 : -ENOMEM;
        }
        if (!str_has_prefix(path_or_url, "file:///"))
                return diag_fail(diag, -EINVAL, "'%s' is no absolute path and no file:/// url",
                                 path_or_url);
        for (; *p; p++) {
                int high = *p == '%' ? hex_value(p[1]) : -1;
                int low = high >= 0 ? hex_value(p[2]) : -1;

                if (*p == '%' && (low < 0 || (high == 0 && low == 0)))
                        return diag_fail(diag, -EINVAL, "'%s' has a wrong %%XX", path_or_url);
                if (*p == '%') {
                        str_append_char(&path, (char)(unsigned char)(high * 16 + low));
                        p += 2;
                } else {
                        str_append_char(&path, *p);
                }
        }
        return str_take(&path, ret);
}

static int open_plain(const struct paths *paths, const char *path, const char *policy_id,
                      struct policy **ret, enum refusal *ret_refusal, struct diag *diag)
{
        struct zone_loader zones = host_zone_loader(paths);
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(blob_done) struct blob bytes = {0};
        int r;

        /* Read anew through the checked folders; what was read before decides nothing. */
        r = files_read_root_owned(path, ENVELOPE_SIZE_MAX_BYTES, &bytes, diag);
        if (r >= 0 && envelope_is_envelope(&bytes))
                r = diag_fail(diag, -EAGAIN, "is being replaced just now");
        if (r < 0)
                return r;
        *ret_refusal = REFUSAL_FORMAT;
        r = envelope_open_plain(&bytes, &zones, &policy, diag);
        if (r < 0)
                return r;
        *ret_refusal = REFUSAL_POLICY_ID;
        if (policy_id && strcmp(policy->policy_id, policy_id) != 0)
                return diag_fail(diag, -EBADMSG, "policy_id: '%s' is not the configured '%s'",
                                 policy->policy_id, policy_id);
        *ret_refusal = REFUSAL_NONE;
        *ret = TAKE_PTR(policy);
        return 0;
}

int policy_source_load_file(const struct paths *paths, const char *path_or_url,
                            const struct envelope_expectation *expectation, struct policy **ret,
                            enum refusal *ret_refusal, struct diag *diag)
{
        struct zone_loader zones = host_zone_loader(paths);
        CLEANUP(blob_done) struct blob bytes = {0};
        CLEANUP(freep) char *path = NULL;
        struct diag why = {0};
        int r;

        *ret_refusal = REFUSAL_NONE;
        r = path_of(path_or_url, &path, diag);
        if (r >= 0)
                r = files_read(path, ENVELOPE_SIZE_MAX_BYTES, false, &bytes, diag);
        if (r < 0)
                return r;
        if (envelope_is_envelope(&bytes))
                r = envelope_open(&bytes, expectation, &zones, ret, ret_refusal, &why);
        else
                r = open_plain(paths, path, expectation->policy_id, ret, ret_refusal, &why);
        if (r < 0 && r != -ENOMEM) {
                diag_prefix(&why, "%s", path);
                return diag_fail(diag, r, "%s", diag_text(&why, r));
        }
        return r;
}

int policy_source_load_default(const struct paths *paths, struct policy **ret, struct diag *diag)
{
        CLEANUP(freep) char *path = str_format("%s/default-policy.json", paths->share);
        enum refusal refusal;
        struct diag why = {0};
        int r;

        if (!path)
                return -ENOMEM;
        r = open_plain(paths, path, NULL, ret, &refusal, &why);
        if (r < 0 && r != -ENOMEM) {
                diag_prefix(&why, "the default policy");
                return diag_fail(diag, r, "%s", diag_text(&why, r));
        }
        return r;
}

int policy_source_load(const struct paths *paths, const struct config *config, time_t now,
                       struct policy **ret, struct diag *diag)
{
        CLEANUP(keyring_freep) struct keyring *keys = NULL;
        CLEANUP(freep) char *url = NULL;
        enum refusal refusal;
        int r;

        if (!config->policy_url)
                return policy_source_load_default(paths, ret, diag);
        r = config_expand_url(config->policy_url, config->node_id, config->policy_id, &url, diag);
        if (r >= 0)
                r = host_keyring(paths, &keys, diag);
        if (r < 0)
                return r;
        return policy_source_load_file(paths, url,
                                       &(struct envelope_expectation){
                                           .keys = keys,
                                           .threshold = (unsigned)config->threshold,
                                           .policy_id = config->policy_id,
                                           .now = now,
                                           .allow_expired = true,
                                       },
                                       ret, &refusal, diag);
}
