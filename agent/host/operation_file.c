/* SPDX-License-Identifier: Apache-2.0 */
#include "host/operation_file.h"

#include "base/str.h"
#include "host/files.h"

static char *file_path(const struct paths *paths)
{
        return str_format("%s/done-operations.jsonl", paths->apply_state);
}

int operation_file_read(const struct paths *paths, struct operation_records *ret, struct diag *diag)
{
        CLEANUP(freep) char *path = file_path(paths);
        CLEANUP(blob_done) struct blob bytes = {0};
        struct diag why = {0};
        int r = path ? files_read(path, OPERATION_RECORDS_MAX_BYTES, true, &bytes, &why) : -ENOMEM;

        if (r == -ENOENT) {
                *ret = (struct operation_records){0};
                return 0;
        }
        if (r < 0)
                return diag_fail(diag, r, "%s", diag_text(&why, r));
        return operation_records_parse(bytes.data, bytes.size, ret);
}

int operation_file_append(const struct paths *paths, const struct operation_record *record,
                          struct diag *diag)
{
        CLEANUP(freep) char *path = file_path(paths);
        CLEANUP(freep) char *line = NULL;
        int r = path ? operation_record_to_line(record, &line) : -ENOMEM;

        return r < 0 ? r : files_append_line(path, line, 0644, diag);
}
