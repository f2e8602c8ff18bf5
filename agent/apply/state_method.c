/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/state_method.h"

#include "apply/state.h"
#include "apply/trust.h"

static int write_policy(const struct paths *paths, struct json_writer *writer, struct diag *diag)
{
        CLEANUP(trusted_version_done) struct trusted_version trusted = {0};
        int r = trust_read(paths, &trusted, diag);

        if (r < 0)
                return r;
        if (!trusted.policy_id) {
                json_add_null(writer, "policy");
                return 0;
        }
        json_begin_object(writer, "policy");
        json_add_string(writer, "policy_id", trusted.policy_id);
        json_add_int(writer, "version", trusted.version);
        json_add_string(writer, "digest", trusted.digest);
        json_end(writer);
        return 0;
}

static int write_pause(const struct paths *paths, struct json_writer *writer, struct diag *diag)
{
        bool is_paused = false;
        time_t until = 0;
        int r = apply_state_pause(paths, time(NULL), &is_paused, &until, diag);

        if (r < 0)
                return r;
        if (!is_paused) {
                json_add_null(writer, "pause");
                return 0;
        }
        json_begin_object(writer, "pause");
        json_add_time(writer, "until", until);
        json_end(writer);
        return 0;
}

static int write_running(const struct paths *paths, struct json_writer *writer, struct diag *diag)
{
        CLEANUP(lock_holder_done) struct lock_holder holder = {0};
        CLEANUP(strv_done) struct strv intents = {0};
        int r = run_lock_look(paths, &holder, diag);

        if (r >= 0)
                r = state_intents(paths, &intents, diag);
        if (r < 0)
                return r;
        if (holder.run_id) {
                json_begin_object(writer, "running");
                json_add_string(writer, "run_id", holder.run_id);
                json_add_time(writer, "since", holder.since);
                json_end(writer);
        } else {
                json_add_null(writer, "running");
        }
        json_add_strings(writer, "open_runs", &intents);
        return 0;
}

static int write_facts(const struct paths *paths, struct json_writer *writer, struct diag *diag)
{
        CLEANUP(apply_facts_done) struct apply_facts facts = {0};
        int r = apply_state_facts(paths, NULL, NULL, &facts, diag);

        if (r < 0)
                return r;
        json_begin_array(writer, "vetoes");
        for (size_t i = 0; i < facts.n_vetoes; i++) {
                json_begin_object(writer, NULL);
                json_add_string(writer, "name", facts.vetoes[i].name);
                json_add_string(writer, "arch", facts.vetoes[i].arch);
                json_add_string(writer, "version", facts.vetoes[i].version);
                json_add_string(writer, "reason", facts.vetoes[i].text);
                json_end(writer);
        }
        json_end(writer);
        if (facts.last_run)
                outcome_write(facts.last_run, "last_run", writer);
        else
                json_add_null(writer, "last_run");
        return 0;
}

static int (*const parts[])(const struct paths *paths, struct json_writer *writer,
                            struct diag *diag) = {write_policy, write_pause, write_running,
                                                  write_facts};

int state_method_handle(struct service *service, const struct request *request, char **ret_answer,
                        struct diag *diag)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;
        int r = 0;

        (void)request;
        json_begin_object(writer, NULL);
        json_begin_object(writer, "state");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(parts); i++)
                r = parts[i](service->paths, writer, diag);
        json_end(writer);
        json_end(writer);
        if (r >= 0)
                r = json_writer_finish(writer, false, &text);
        if (r < 0)
                return r;
        *ret_answer = varlink_reply_text(text, false);
        return 0;
}
