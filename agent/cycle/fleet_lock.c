/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/fleet_lock.h"

#include "base/json.h"
#include "base/str.h"

#include <string.h>

enum { REASON_MAX_BYTES = 300 };

static const char *const action_texts[] = {
    [FLEET_LOCK_PRE_REBOOT] = "pre-reboot",
    [FLEET_LOCK_STEADY_STATE] = "steady-state",
};
const struct enum_table fleet_lock_action_names = ENUM_TABLE(action_texts);

int fleet_lock_body(const char *node_id, const char *group, char **ret)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();

        json_begin_object(writer, NULL);
        json_begin_object(writer, "client_params");
        json_add_string(writer, "id", node_id);
        json_add_string(writer, "group", group);
        json_end(writer);
        json_end(writer);
        return json_writer_finish(writer, false, ret);
}

char *fleet_lock_reason(const char *answer, size_t size)
{
        CLEANUP(json_freep) struct json *json = NULL;
        CLEANUP(str_done) struct str text = {0};
        const char *value = NULL;
        char *taken = NULL;

        if (answer && json_parse(answer, size, &json, NULL) >= 0)
                value = json_get_string(json, "value") ?: json_get_string(json, "kind");
        if (!value)
                return strdup("");
        str_append(&text, ": ");
        str_append_printable(&text, value);
        if (!text.failed && text.length > REASON_MAX_BYTES)
                text.data[REASON_MAX_BYTES] = '\0';
        return str_take(&text, &taken) < 0 ? NULL : taken;
}

/* A '/' at the end of the configured URL is no second one. */
static char *make_url(const char *base, enum fleet_lock_action action)
{
        size_t length = strlen(base);

        while (length > 0 && base[length - 1] == '/')
                length--;
        return str_format("%.*s/v1/%s", (int)length, base, action_texts[action]);
}

static int judge_response(const struct transport_response *response, const char *url,
                          struct diag *diag)
{
        CLEANUP(freep) char *reason = NULL;

        if (response->status >= 200 && response->status < 300)
                return 0;
        reason = fleet_lock_reason(response->body.data, response->body.size);
        return diag_fail(diag, -EBUSY, "%s refused with status %ld%s", url, response->status,
                         reason ?: "");
}

int fleet_lock_ask(const struct config *config, const char *node_id, enum fleet_lock_action action,
                   const struct transport_limits *limits, struct diag *diag)
{
        static const char *const headers[] = {"fleet-lock-protocol: true",
                                              "Content-Type: application/json"};
        CLEANUP(transport_response_done) struct transport_response response = {0};
        CLEANUP(transport_freep) struct transport *transport = NULL;
        CLEANUP(freep) char *url = NULL, *text = NULL;
        struct blob body = {0};
        int r;

        if (!config->fleet_lock_url)
                return diag_fail(diag, -EINVAL, "fleet_lock_url is not configured");
        url = make_url(config->fleet_lock_url, action);
        r = url ? fleet_lock_body(node_id, config->fleet_lock_group, &text) : -ENOMEM;
        if (r >= 0)
                r = transport_new(&(struct transport_options){.ca_file = config->ca_file,
                                                              .client_cert = config->client_cert,
                                                              .client_key = config->client_key,
                                                              .proxy = config->proxy,
                                                              .limits = limits},
                                  &transport, diag);
        if (r < 0)
                return r;
        body = (struct blob){.data = text, .size = strlen(text)};
        r = transport_post(transport, url, &body, headers, ELEMENTSOF(headers),
                           FLEET_LOCK_ANSWER_MAX_BYTES, &response, diag);
        return r < 0 ? r : judge_response(&response, url, diag);
}
