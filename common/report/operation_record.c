/* SPDX-License-Identifier: Apache-2.0 */
#include "report/operation_record.h"

#include <string.h>

static void operation_record_done(struct operation_record *record)
{
        free(record->id);
        free(record->run_id);
        free(record->message);
        *record = (struct operation_record){0};
}

void operation_records_done(struct operation_records *records)
{
        for (size_t i = 0; i < records->n_items; i++)
                operation_record_done(&records->items[i]);
        free(records->items);
        *records = (struct operation_records){0};
}

/* ---- reading ---- */

static int read_record(const struct json *json, struct operation_record *ret)
{
        const char *run_id = json_get_string(json, "run_id");
        const char *message = json_get_string(json, "message");
        const char *result = json_get_string(json, "result");
        int value = result ? enum_from_name(&run_result_names, result) : -EINVAL;

        *ret = (struct operation_record){
            .id = strdup(json_get_string(json, "id")),
            .run_id = run_id ? strdup(run_id) : NULL,
            .began_at = json_get_time(json, "began_at"),
            .finished_at = json_get_time(json, "finished_at"),
            .result = value < 0 ? RUN_INTERRUPTED : (enum run_result)value,
            .message = message ? strdup(message) : NULL,
        };
        if (ret->id && (!run_id || ret->run_id) && (!message || ret->message))
                return 0;
        operation_record_done(ret);
        return -ENOMEM;
}

static struct operation_record *find(const struct operation_records *records, const char *id)
{
        for (size_t i = 0; i < records->n_items; i++)
                if (strcmp(records->items[i].id, id) == 0)
                        return &records->items[i];
        return NULL;
}

static struct operation_record *add(struct operation_records *records)
{
        struct operation_record *items =
            reallocarray(records->items, records->n_items + 1, sizeof(*items));

        if (!items)
                return NULL;
        records->items = items;
        items[records->n_items] = (struct operation_record){0};
        return &items[records->n_items++];
}

static int take_line(const char *line, size_t size, struct operation_records *records)
{
        CLEANUP(json_freep) struct json *json = NULL;
        struct operation_record record, *place;
        const char *id;
        int r = json_parse(line, size, &json, NULL);

        if (r == -ENOMEM)
                return r;
        id = r < 0 ? NULL : json_get_string(json, "id");
        if (!id)
                return 0;
        r = read_record(json, &record);
        if (r < 0)
                return r;
        place = find(records, id) ?: add(records);
        if (!place) {
                operation_record_done(&record);
                return -ENOMEM;
        }
        operation_record_done(place);
        *place = record;
        return 0;
}

int operation_records_parse(const char *text, size_t size, struct operation_records *ret)
{
        struct operation_records records = {0};
        int r = 0;

        while (r >= 0 && size > 0) {
                const char *end = memchr(text, '\n', size);
                size_t length = end ? (size_t)(end - text) : size;

                r = take_line(text, length, &records);
                length += end != NULL;
                text += length;
                size -= length;
        }
        if (r < 0) {
                operation_records_done(&records);
                return r;
        }
        *ret = records;
        return 0;
}

const struct operation_record *operation_records_find(const struct operation_records *records,
                                                      const char *id)
{
        return find(records, id);
}

/* ---- writing ---- */

static void write_members(const struct operation_record *record, struct json_writer *writer)
{
        bool has_ended = record && record->finished_at > 0;

        json_add_string(writer, "run_id", record ? record->run_id : NULL);
        json_add_time(writer, "began_at", record ? record->began_at : 0);
        json_add_time(writer, "finished_at", has_ended ? record->finished_at : 0);
        json_add_string(writer, "result",
                        record ? enum_name(&run_result_names, (int)record->result) : NULL);
        json_add_string(writer, "message", record ? record->message : NULL);
}

int operation_record_to_line(const struct operation_record *record, char **ret)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();

        json_begin_object(writer, NULL);
        json_add_string(writer, "id", record->id);
        write_members(record, writer);
        json_end(writer);
        return json_writer_finish(writer, false, ret);
}

static const char *state_of(const struct operation_record *record,
                            const struct operation *operation, time_t now)
{
        if (record)
                return "done";
        return operation->expires > now ? "waiting" : "expired";
}

void operation_records_write(const struct operation_records *records, const struct policy *policy,
                             const struct node *node, time_t now, const char *name,
                             struct json_writer *writer)
{
        json_begin_array(writer, name);
        for (size_t i = 0; i < policy->n_operations; i++) {
                const struct operation *operation = &policy->operations[i];
                const struct operation_record *record = find(records, operation->id);

                if (!match_covers(&operation->match, node))
                        continue;
                json_begin_object(writer, NULL);
                json_add_string(writer, "id", operation->id);
                json_add_string(writer, "action",
                                enum_name(&operation_action_names, (int)operation->action));
                json_add_string(writer, "state", state_of(record, operation, now));
                json_add_time(writer, "expires", operation->expires);
                write_members(record, writer);
                json_end(writer);
        }
        json_end(writer);
}
