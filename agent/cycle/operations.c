/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/operations.h"

#include "base/json.h"
#include "base/str.h"
#include "host/files.h"

#include <string.h>

static int add_done(const char *line, size_t size, struct strv *ids)
{
        CLEANUP(json_freep) struct json *json = NULL;
        const char *id;
        int r = json_parse(line, size, &json, NULL);

        if (r == -ENOMEM)
                return r;
        id = r < 0 ? NULL : json_get_string(json, "id");
        return id ? strv_add(ids, id) : 0; /* a line that was cut is the helper's to repair */
}

static int read_done(const struct paths *paths, struct strv *ids, struct diag *diag)
{
        CLEANUP(freep) char *path = str_format("%s/done-operations.jsonl", paths->apply_state);
        CLEANUP(blob_done) struct blob bytes = {0};
        int r;

        if (!path)
                return -ENOMEM;
        r = files_read(path, OPERATIONS_DONE_MAX_BYTES, true, &bytes, diag);
        if (r == -ENOENT) {
                diag_clear(diag);
                return 0;
        }
        for (char *line = bytes.data; r >= 0 && line && *line;) {
                size_t length = strcspn(line, "\n");

                r = add_done(line, length, ids);
                line += length + (line[length] == '\n');
        }
        return r;
}

static bool is_due(const struct operation *operation, const struct node *node,
                   const struct strv *done, time_t now)
{
        return operation->action != OPERATION_SCAN && operation->expires > now &&
               match_covers(&operation->match, node) && !strv_contains(done, operation->id);
}

int operations_find(const struct paths *paths, const struct policy *policy, const struct node *node,
                    time_t now, struct operations_due *ret, struct diag *diag)
{
        CLEANUP(strv_done) struct strv done = {0};
        struct operations_due due = {0};
        int r;

        *ret = due;
        if (policy->n_operations == 0)
                return 0;
        r = read_done(paths, &done, diag);
        if (r < 0)
                return r;
        for (size_t i = 0; i < policy->n_operations; i++) {
                const struct operation *operation = &policy->operations[i];

                if (!is_due(operation, node, &done, now))
                        continue;
                due.at_once |= operation->ignore_window;
                due.in_window |= !operation->ignore_window;
        }
        *ret = due;
        return 0;
}
