/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/result.h"

#include <string.h>

void cycle_result_done(struct cycle_result *result)
{
        free(result->window_name);
        free(result->error);
        *result = (struct cycle_result){0};
}

int cycle_result_take_judgement(struct cycle_result *result, const struct judgement *judgement)
{
        const struct assignment *assignment = judgement->decisions->assignment;
        struct opening opening;

        result->status = judgement->decisions->compliance;
        free(result->window_name);
        result->window_name = NULL;
        if (!assignment || !assignment->window ||
            !window_next(assignment->window, judgement->input.now, &opening))
                return 0;
        result->window_name = strdup(assignment->window->name);
        result->opens_at = opening.opens_at;
        result->closes_at = opening.closes_at;
        return result->window_name ? 0 : -ENOMEM;
}

int cycle_result_add_error(struct cycle_result *result, const char *error, int64_t retry_after)
{
        if (retry_after > result->retry_after_seconds)
                result->retry_after_seconds = retry_after;
        if (!error || result->error)
                return 0;
        result->error = strdup(error);
        return result->error ? 0 : -ENOMEM;
}

static void write_window(const struct cycle_result *result, struct json_writer *writer)
{
        if (!result->window_name) {
                json_add_null(writer, "window");
                return;
        }
        json_begin_object(writer, "window");
        json_add_string(writer, "name", result->window_name);
        json_add_time(writer, "opens_at", result->opens_at);
        json_add_time(writer, "closes_at", result->closes_at);
        json_end(writer);
}

int cycle_result_to_text(const struct cycle_result *result, char **ret)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();

        json_begin_object(writer, NULL);
        json_add_string(writer, "status", enum_name(&compliance_names, (int)result->status));
        write_window(result, writer);
        if (result->retry_after_seconds > 0)
                json_add_int(writer, "retry_after_seconds", result->retry_after_seconds);
        else
                json_add_null(writer, "retry_after_seconds");
        json_add_bool(writer, "reachable", result->is_reachable);
        json_add_int(writer, "policy_version", result->policy_version);
        json_add_string(writer, "error", result->error);
        json_end(writer);
        return json_writer_finish(writer, false, ret);
}

int cycle_result_recall(const char *text, struct cycle_result *result)
{
        CLEANUP(json_freep) struct json *json = NULL;
        const char *status, *name;
        const struct json *window;
        int r;

        r = json_parse(text, strlen(text), &json, NULL);
        if (r < 0)
                return r;
        status = json_get_string(json, "status");
        r = status ? enum_from_name(&compliance_names, status) : -EINVAL;
        if (r < 0)
                return r;
        window = json_get(json, "window");
        name = json_get_string(window, "name");
        if (name) {
                result->window_name = strdup(name);
                if (!result->window_name)
                        return -ENOMEM;
                result->opens_at = json_get_time(window, "opens_at");
                result->closes_at = json_get_time(window, "closes_at");
        }
        result->status = (enum compliance)r;
        return 0;
}
