/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/changes.h"

#include "base/json.h"
#include "base/str.h"

#include <string.h>

static const char *const volatile_members[] = {"sequence", "evaluated_at", "index_age_seconds"};

static int copy_member(const char *name, const struct json *value, void *arg)
{
        struct json_writer *writer = arg;

        for (size_t i = 0; i < ELEMENTSOF(volatile_members); i++)
                if (strcmp(name, volatile_members[i]) == 0)
                        return 0;
        json_add_value(writer, name, value);
        return 0;
}

int changes_digest(const char *report, char ret[static SHA256_TEXT_SIZE], struct diag *diag)
{
        CLEANUP(json_freep) struct json *json = NULL;
        CLEANUP(json_writer_freep) struct json_writer *writer = NULL;
        CLEANUP(freep) char *text = NULL;
        int r;

        r = json_parse(report, strlen(report), &json, diag);
        if (r < 0)
                return r;
        if (!json_is_object(json))
                return diag_fail(diag, -EINVAL, "a report has to be an object");
        writer = json_writer_new();
        json_begin_object(writer, NULL);
        r = json_for_each_member(json, copy_member, writer);
        if (r < 0)
                return r;
        json_end(writer);
        r = json_writer_finish(writer, false, &text);
        return r < 0 ? r : digest_of(text, strlen(text), ret);
}

bool changes_are_due(const char *digest, const char *last_digest, time_t last_at, bool after_run,
                     time_t now)
{
        if (after_run || !last_digest || !str_equal(digest, last_digest))
                return true;
        return now < last_at || now - last_at >= REPORT_REPEAT_SECONDS;
}
