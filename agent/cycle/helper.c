/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/helper.h"

#include "base/str.h"
#include "host/apply_state.h"
#include "host/connection.h"

#include <string.h>

static const uint64_t refresh_timeout_usec = 20 * 60 * 1000000ULL;
static const uint64_t recover_timeout_usec = 60 * 60 * 1000000ULL; /* dpkg may have much to do */
static const uint64_t run_timeout_usec = 4 * 3600 * 1000000ULL;    /* for each step's word */

int helper_set_policy(const struct paths *paths, const struct blob *envelope, const char *digest,
                      struct diag *diag)
{
        CLEANUP(connection_freep) struct connection *connection = NULL;
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;
        int r;

        if (apply_state_keeps_policy(paths, digest))
                return 0;
        json_begin_object(writer, NULL);
        json_add_string(writer, "envelope", envelope->data);
        json_end(writer);
        r = json_writer_finish(writer, false, &text);
        if (r >= 0)
                r = connection_open(paths->apply_socket, &connection, diag);
        return r < 0 ? r
                     : connection_call(connection, "org.patchd.apply.SetPolicy", text,
                                       refresh_timeout_usec, NULL, NULL, NULL, NULL, diag);
}

int helper_recover(const struct paths *paths, struct diag *diag)
{
        CLEANUP(connection_freep) struct connection *connection = NULL;
        int r = connection_open(paths->apply_socket, &connection, diag);

        return r < 0 ? r
                     : connection_call(connection, "org.patchd.apply.Recover", NULL,
                                       recover_timeout_usec, NULL, NULL, NULL, NULL, diag);
}

static bool is_complete(const struct json *repositories)
{
        for (size_t i = 0; i < json_length(repositories); i++)
                if (!json_get_bool(json_at(repositories, i), "ok", false))
                        return false;
        return true;
}

int helper_refresh(const struct paths *paths, bool *ret_complete, struct diag *diag)
{
        CLEANUP(connection_freep) struct connection *connection = NULL;
        CLEANUP(json_freep) struct json *reply = NULL;
        int r = connection_open(paths->apply_socket, &connection, diag);

        if (r < 0)
                return r;
        r = connection_call(connection, "org.patchd.apply.Refresh", NULL, refresh_timeout_usec,
                            NULL, NULL, &reply, NULL, diag);
        if (r < 0)
                return r;
        *ret_complete = is_complete(json_get(reply, "repositories"));
        return 0;
}

/* ---- runs ---- */

static void write_packages(const struct plan *plan, struct json_writer *writer)
{
        if (!plan || plan_n_items(plan) == 0 || plan_n_items(plan) > HELPER_PACKAGES_MAX)
                return;
        json_begin_array(writer, "packages");
        for (size_t s = 0; s < plan->n_steps; s++)
                for (size_t i = 0; i < plan->steps[s].n_items; i++) {
                        const struct plan_item *item = &plan->steps[s].items[i];

                        json_begin_object(writer, NULL);
                        json_add_string(writer, "name", item->name);
                        json_add_string(writer, "arch", item->arch);
                        json_add_string(writer, "version", item->version_to);
                        json_end(writer);
                }
        json_end(writer);
}

static int request_text(const struct helper_request *request, bool with_packages, char **ret)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();

        json_begin_object(writer, NULL);
        if (request->envelope->size > 0)
                json_add_string(writer, "envelope", request->envelope->data);
        json_add_string(writer, "run_id", request->run_id);
        if (request->operation)
                json_add_string(writer, "operation", request->operation);
        else if (with_packages)
                write_packages(request->plan, writer);
        json_end(writer);
        return json_writer_finish(writer, false, ret);
}

static int on_step(const struct json *parameters, void *context)
{
        const struct helper_request *request = context;
        const struct progress progress = progress_read(parameters);

        return request->on_progress ? request->on_progress(&progress, request->context) : 0;
}

static int read_outcome(const struct json *reply, struct outcome **ret, struct diag *diag)
{
        const struct json *outcome = json_get(reply, "outcome");
        CLEANUP(freep) char *text = NULL;
        int r;

        if (!json_is_object(outcome))
                return 0;
        r = json_to_text(outcome, &text);
        return r < 0 ? r : outcome_from_text(text, strlen(text), ret, diag);
}

int helper_run(const struct helper_request *request, const char *method, struct outcome **ret,
               char **ret_error, struct diag *diag)
{
        CLEANUP(connection_freep) struct connection *connection = NULL;
        CLEANUP(json_freep) struct json *reply = NULL;
        CLEANUP(freep) char *name = str_format("org.patchd.apply.%s", method);
        CLEANUP(freep) char *text = NULL;
        int r;

        r = request_text(request, strcmp(method, "Apply") == 0, &text);
        if (r < 0 || !name)
                return -ENOMEM;
        r = connection_open(request->paths->apply_socket, &connection, diag);
        if (r >= 0)
                r = connection_call(connection, name, text, run_timeout_usec, on_step,
                                    (void *)request, &reply, ret_error, diag);
        return r < 0 ? r : read_outcome(reply, ret, diag);
}
