/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/osv_compact.h"

#include "base/json.h"
#include "base/str.h"

#include <string.h>

/* ---- which members stay ---- */

/* A member that stays; one without members of its own stays whole. Arrays are those of their
 * items. */
struct kept {
        const char *name;
        const struct kept *members;
        size_t n_members;
};
#define KEPT(list) (list), ELEMENTSOF(list)

static const struct kept kept_package[] = {{"ecosystem", NULL, 0}, {"name", NULL, 0}};
static const struct kept kept_range[] = {{"type", NULL, 0}, {"events", NULL, 0}};
static const struct kept kept_cve[] = {{"id", NULL, 0}, {"severity", NULL, 0}};
static const struct kept kept_map[] = {{"cves", KEPT(kept_cve)}};
static const struct kept kept_specific[] = {
    {"availability", NULL, 0},
    {"cves_map", KEPT(kept_map)},
    {"severity", NULL, 0},
    {"urgency", NULL, 0},
};
static const struct kept kept_affected[] = {
    {"database_specific", KEPT(kept_specific)},
    {"ecosystem_specific", KEPT(kept_specific)},
    {"package", KEPT(kept_package)},
    {"ranges", KEPT(kept_range)},
    {"severity", NULL, 0},
};
static const struct kept kept_record[] = {
    {"affected", KEPT(kept_affected)},
    {"aliases", NULL, 0},
    {"database_specific", KEPT(kept_specific)},
    {"id", NULL, 0},
    {"modified", NULL, 0},
    {"published", NULL, 0},
    {"related", NULL, 0},
    {"severity", NULL, 0},
    {"summary", NULL, 0},
    {"upstream", NULL, 0},
};
static const struct kept record = {NULL, KEPT(kept_record)};

static const struct kept *find_kept(const struct kept *in, const char *name)
{
        for (size_t i = 0; i < in->n_members; i++)
                if (strcmp(in->members[i].name, name) == 0)
                        return &in->members[i];
        return NULL;
}

/* ---- which entries of affected[] stay ---- */

static bool has_fix(const struct json *ranges)
{
        for (size_t i = 0; i < json_length(ranges); i++) {
                const struct json *events = json_get(json_at(ranges, i), "events");

                for (size_t n = 0; n < json_length(events); n++)
                        if (json_get(json_at(events, n), "fixed") ||
                            json_get(json_at(events, n), "last_affected"))
                                return true;
        }
        return false;
}

static bool is_about(const struct json *affected, const struct osv_release *release)
{
        const char *ecosystem = json_get_string(json_get(affected, "package"), "ecosystem");

        return ecosystem && osv_release_covers(release, ecosystem) &&
               has_fix(json_get(affected, "ranges"));
}

static bool is_any_about(const struct json *list, const struct osv_release *release)
{
        for (size_t i = 0; i < json_length(list); i++)
                if (is_about(json_at(list, i), release))
                        return true;
        return false;
}

/* ---- writing ---- */

struct copy {
        struct json_writer *writer;
        const struct osv_release *release;
        const struct kept *kept;
};

static void copy_value(const struct copy *copy, const char *name, const struct json *value);

static int copy_member(const char *name, const struct json *value, void *arg)
{
        const struct copy *copy = arg;
        const struct kept *kept = find_kept(copy->kept, name);
        const struct copy inner = {copy->writer, copy->release, kept};

        if (kept)
                copy_value(&inner, name, value);
        return 0;
}

static void copy_items(const struct copy *copy, const char *name, const struct json *list)
{
        bool is_filtered = copy->kept->members == kept_affected;

        json_begin_array(copy->writer, name);
        for (size_t i = 0; i < json_length(list); i++)
                if (!is_filtered || is_about(json_at(list, i), copy->release))
                        copy_value(copy, NULL, json_at(list, i));
        json_end(copy->writer);
}

static void copy_value(const struct copy *copy, const char *name, const struct json *value)
{
        if (copy->kept->members && json_is_object(value)) {
                json_begin_object(copy->writer, name);
                (void)json_for_each_member(value, copy_member, (void *)copy);
                json_end(copy->writer);
        } else if (copy->kept->members && json_length(value) > 0) {
                copy_items(copy, name, value);
        } else {
                json_add_value(copy->writer, name, value);
        }
}

int osv_compact(const char *text, size_t size, const struct osv_release *release, char **ret,
                struct diag *diag)
{
        CLEANUP(json_freep) struct json *json = NULL;
        CLEANUP(json_writer_freep) struct json_writer *writer = NULL;
        int r = json_parse(text, size, &json, diag);

        if (r < 0)
                return r;
        if (!json_get_string(json, "id"))
                return diag_fail(diag, -EINVAL,
                                 "a record has no id; is this a file of OSV records?");
        *ret = NULL;
        if (json_get(json, "withdrawn") || !is_any_about(json_get(json, "affected"), release))
                return 0;
        writer = json_writer_new();
        if (!writer)
                return -ENOMEM;
        copy_value(&(struct copy){writer, release, &record}, NULL, json);
        return json_writer_finish(writer, false, ret);
}
