/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The helper's record of operations, done-operations.jsonl. */

#include "host/config.h"
#include "report/operation_record.h"

/* No file yet is an empty record. What can't be read is an error: then nothing may be done. */
int operation_file_read(const struct paths *paths, struct operation_records *ret,
                        struct diag *diag) MUST_CHECK;

/* Adds a line and brings it to the disk. */
int operation_file_append(const struct paths *paths, const struct operation_record *record,
                          struct diag *diag) MUST_CHECK;
