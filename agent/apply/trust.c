/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/trust.h"

#include "apply/service.h"
#include "apply/state.h"
#include "base/str.h"
#include "host/files.h"
#include "host/host.h"
#include "host/log.h"
#include "host/policy_source.h"

#include <string.h>

#define COUNTER_FILE "policy.json"
#define BYTES_FILE   "policy.dsse"

enum { COUNTER_MAX_BYTES = 64 * 1024 };

void trusted_version_done(struct trusted_version *trusted)
{
        free(trusted->policy_id);
        free(trusted->digest);
        *trusted = (struct trusted_version){0};
}

/* ---- the counter ---- */

static const struct json_range version_range = {1, INT64_MAX};
static const struct json_field counter_fields[] = {
    {"policy_id", json_read_string, offsetof(struct trusted_version, policy_id), true, NULL},
    {"version", json_read_int, offsetof(struct trusted_version, version), true, &version_range},
    {"digest", json_read_string, offsetof(struct trusted_version, digest), true, NULL},
};

/* A damaged counter is an error, never "none": else damage would allow a rollback. */
int trust_read(const struct paths *paths, struct trusted_version *ret, struct diag *diag)
{
        CLEANUP(trusted_version_done) struct trusted_version trusted = {0};
        CLEANUP(freep) char *path = state_path(paths, COUNTER_FILE);
        CLEANUP(blob_done) struct blob text = {0};
        CLEANUP(json_freep) struct json *json = NULL;
        struct json_node node = {0};
        struct diag why = {0};
        int r = path ? files_read(path, COUNTER_MAX_BYTES, true, &text, &why) : -ENOMEM;

        if (r == -ENOENT) {
                *ret = trusted;
                return 0;
        }
        if (r < 0)
                return diag_fail(diag, r, "%s", diag_text(&why, r));
        r = json_parse(text.data, text.size, &json, &why);
        node.value = json;
        if (r >= 0)
                r = json_read_object(&node, counter_fields, ELEMENTSOF(counter_fields), &trusted,
                                     &why);
        if (r < 0)
                return diag_fail(diag, r,
                                 "%s is damaged (%s); no policy is used until an administrator "
                                 "runs patchctl policy reset",
                                 path, diag_text(&why, r));
        *ret = trusted;
        trusted = (struct trusted_version){0};
        return 0;
}

static int write_counter(const struct paths *paths, const struct policy *policy, struct diag *diag)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *path = state_path(paths, COUNTER_FILE);
        CLEANUP(freep) char *text = NULL;
        int r;

        json_begin_object(writer, NULL);
        json_add_string(writer, "policy_id", policy->policy_id);
        json_add_int(writer, "version", policy->version);
        json_add_string(writer, "digest", policy->digest);
        json_end(writer);
        r = json_writer_finish(writer, true, &text);
        if (r < 0 || !path)
                return -ENOMEM;
        return files_write_atomic(path, text, strlen(text), 0644, diag);
}

/* The bytes first: after a crash between the two, newer bytes meet an older counter and pass. */
static int persist(const struct paths *paths, const struct trusted_version *stored,
                   const struct policy *policy, const struct blob *envelope, struct diag *diag)
{
        CLEANUP(freep) char *path = state_path(paths, BYTES_FILE);
        const struct event_fields fields = {.policy_id = policy->policy_id,
                                            .policy_version = policy->version};
        int r;

        if (str_equal(stored->policy_id, policy->policy_id) && stored->version == policy->version &&
            str_equal(stored->digest, policy->digest))
                return 0;
        if (!path)
                return -ENOMEM;
        r = envelope ? files_write_atomic(path, envelope->data, envelope->size, 0644, diag) : 0;
        if (r >= 0)
                r = write_counter(paths, policy, diag);
        if (r >= 0)
                log_event(EVENT_POLICY_ACCEPTED, &fields);
        return r;
}

static int write_reset_note(const struct paths *paths, uid_t by, time_t now, struct diag *diag)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *id = host_new_run_id(now);
        CLEANUP(freep) char *text = NULL;
        int r;

        json_begin_object(writer, NULL);
        json_add_string(writer, "id", id);
        json_add_time(writer, "reset_at", now);
        json_add_int(writer, "by", by);
        json_end(writer);
        r = json_writer_finish(writer, true, &text);
        if (r < 0 || !id)
                return -ENOMEM;
        return state_write_text(paths, APPLY_STATE_RESET_FILE, text, diag);
}

int trust_reset(const struct paths *paths, uid_t by, time_t now, struct diag *diag)
{
        static const char *const names[] = {COUNTER_FILE, BYTES_FILE};
        int r = write_reset_note(paths, by, now, diag);

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(names); i++) {
                CLEANUP(freep) char *path = state_path(paths, names[i]);

                r = path ? files_remove(path, diag) : -ENOMEM;
        }
        return r;
}

/* ---- opening ---- */

static int refuse(const struct config *config, enum refusal refusal, const char *text,
                  char **ret_answer)
{
        const struct event_fields fields = {.policy_id = config->policy_id,
                                            .result = enum_name(&refusal_names, (int)refusal),
                                            .reason = text};

        log_event(refusal == REFUSAL_EXPIRED ? EVENT_POLICY_EXPIRED : EVENT_POLICY_REJECTED,
                  &fields);
        *ret_answer = refusal == REFUSAL_EXPIRED ? answer_policy_expired()
                                                 : answer_policy_refused(fields.result, text);
        return -EBADMSG;
}

struct opening_state {
        struct keyring *keys;
        struct trusted_version stored;
        struct envelope_expectation expectation;
};

static void opening_state_done(struct opening_state *state)
{
        keyring_free(state->keys);
        trusted_version_done(&state->stored);
}

static int expect(const struct paths *paths, const struct config *config, time_t now,
                  struct opening_state *state, struct diag *diag)
{
        int r = host_keyring(paths, &state->keys, diag);

        if (r >= 0)
                r = trust_read(paths, &state->stored, diag);
        if (r < 0)
                return r;
        state->expectation = (struct envelope_expectation){.keys = state->keys,
                                                           .threshold = (unsigned)config->threshold,
                                                           .policy_id = config->policy_id,
                                                           .now = now};
        /* The counter is that of one policy; the administrator decides which one that is. */
        if (!config->policy_id || str_equal(config->policy_id, state->stored.policy_id)) {
                state->expectation.version = state->stored.version;
                state->expectation.digest = state->stored.digest;
        }
        return 0;
}

static int open_remote(const struct paths *paths, const struct config *config,
                       const struct blob *envelope, const struct opening_state *state,
                       struct policy **ret, char **ret_answer, struct diag *diag)
{
        CLEANUP(freep) char *path = state_path(paths, BYTES_FILE);
        CLEANUP(blob_done) struct blob stored = {0};
        struct zone_loader zones = host_zone_loader(paths);
        enum refusal refusal = REFUSAL_NONE;
        struct diag why = {0};
        int r = 0;

        if (!path)
                return -ENOMEM;
        if (!envelope->data)
                r = files_read(path, ENVELOPE_SIZE_MAX_BYTES, true, &stored, &why);
        if (r == -ENOENT)
                return refuse(config, REFUSAL_NONE, "no policy has been received yet", ret_answer);
        if (r < 0)
                return diag_fail(diag, r, "%s", diag_text(&why, r));
        r = envelope_open(envelope->data ? envelope : &stored, &state->expectation, &zones, ret,
                          &refusal, &why);
        if (r == -EBADMSG)
                return refuse(config, refusal, diag_text(&why, r), ret_answer);
        return r < 0 ? r
                     : persist(paths, &state->stored, *ret, envelope->data ? envelope : NULL, diag);
}

static int open_local(const struct paths *paths, const struct config *config,
                      const struct opening_state *state, struct policy **ret, char **ret_answer,
                      struct diag *diag)
{
        enum refusal refusal = REFUSAL_NONE;
        struct diag why = {0};
        int r = policy_source_load_file(paths, config->policy_url, &state->expectation, ret,
                                        &refusal, &why);

        if (r == -EBADMSG)
                return refuse(config, refusal, diag_text(&why, r), ret_answer);
        if (r < 0)
                return diag_fail(diag, r, "%s", diag_text(&why, r));
        return (*ret)->is_signed ? persist(paths, &state->stored, *ret, NULL, diag) : 0;
}

int trust_policy(const struct paths *paths, const struct config *config,
                 const struct blob *envelope, time_t now, struct policy **ret, char **ret_answer,
                 struct diag *diag)
{
        CLEANUP(opening_state_done) struct opening_state state = {0};
        CLEANUP(policy_freep) struct policy *policy = NULL;
        int r;

        if (!config->policy_url)
                return policy_source_load_default(paths, ret, diag);
        r = expect(paths, config, now, &state, diag);
        if (r >= 0 && str_has_prefix(config->policy_url, "file:"))
                r = open_local(paths, config, &state, &policy, ret_answer, diag);
        else if (r >= 0)
                r = open_remote(paths, config, envelope, &state, &policy, ret_answer, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(policy);
        return 0;
}
