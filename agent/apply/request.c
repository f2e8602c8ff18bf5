/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/request.h"

#include "policy/envelope.h"

#include <ctype.h>
#include <string.h>

void request_done(struct request *request)
{
        for (size_t i = 0; i < request->n_packages; i++) {
                free(request->packages[i].name);
                free(request->packages[i].arch);
                free(request->packages[i].version);
        }
        free(request->packages);
        free(request->run_id);
        free(request->package);
        free(request->operation);
        free(request->digest);
        blob_done(&request->envelope);
        *request = (struct request){0};
}

/* ---- texts of a fixed set of characters ---- */

struct charset {
        const char *others; /* beside letters and digits */
        size_t max_bytes;
        const char *what;
};

static const struct charset run_id_charset = {"-", REQUEST_RUN_ID_MAX_BYTES,
                                              "a run id (letters, digits and '-')"};
static const struct charset operation_charset = {"._:+~@-", REQUEST_OPERATION_MAX_BYTES,
                                                 "the id of an operation"};
static const struct charset digest_charset = {"", 64, "a digest"};
static const struct charset name_charset = {"+-.", REQUEST_NAME_MAX_BYTES, "a package name"};
static const struct charset arch_charset = {"-_", REQUEST_NAME_MAX_BYTES, "an architecture"};
static const struct charset version_charset = {"+-.:~^_", REQUEST_NAME_MAX_BYTES, "a version"};

static bool charset_holds(const struct charset *charset, const char *text)
{
        if (strlen(text) > charset->max_bytes || !isascii((unsigned char)text[0]) ||
            !isalnum((unsigned char)text[0]))
                return false;
        for (const char *p = text; *p; p++)
                if (!isascii((unsigned char)*p) ||
                    (!isalnum((unsigned char)*p) && !strchr(charset->others, *p)))
                        return false;
        return true;
}

/* char *; detail: struct charset */
static int read_word(const struct json_node *node, const struct json_field *field, void *target,
                     struct diag *diag)
{
        const struct charset *charset = field->detail;
        const char *text = json_string(node->value);

        if (!text || !charset_holds(charset, text))
                return json_fail(diag, node, "is not %s", charset->what);
        *(char **)target = strdup(text);
        return *(char **)target ? 0 : -ENOMEM;
}

/* ---- envelope and packages ---- */

static int read_envelope(const struct json_node *node, const struct json_field *field, void *target,
                         struct diag *diag)
{
        const char *text = json_string(node->value);
        size_t size = text ? strlen(text) : 0;

        (void)field;
        if (size == 0)
                return json_fail(diag, node, "is not the text of an envelope");
        if (size > ENVELOPE_SIZE_MAX_BYTES)
                return json_fail(diag, node, "%zu bytes are more than %d", size,
                                 ENVELOPE_SIZE_MAX_BYTES);
        return blob_copy(target, text, size);
}

static const struct json_field package_fields[] = {
    {"name", read_word, offsetof(struct package_note, name), true, &name_charset},
    {"arch", read_word, offsetof(struct package_note, arch), false, &arch_charset},
    {"version", read_word, offsetof(struct package_note, version), false, &version_charset},
};

static int read_package(const struct json_node *item, void *arg, struct diag *diag)
{
        struct request *request = arg;

        return json_read_object(item, package_fields, ELEMENTSOF(package_fields),
                                &request->packages[request->n_packages++], diag);
}

/* target is the whole request: three members are set. */
static int read_packages(const struct json_node *node, const struct json_field *field, void *target,
                         struct diag *diag)
{
        struct request *request = target;

        (void)field;
        if (json_length(node->value) > REQUEST_PACKAGES_MAX)
                return json_fail(diag, node, "more than %d packages", REQUEST_PACKAGES_MAX);
        request->packages = calloc(json_length(node->value) + 1, sizeof(*request->packages));
        if (!request->packages)
                return -ENOMEM;
        request->has_packages = true;
        return json_read_items(node, REQUEST_PACKAGES_MAX, read_package, request, diag);
}

/* ---- methods ---- */

#define AT(member) offsetof(struct request, member)
#define FIELDS(array)                                                                              \
        {                                                                                          \
                .items = (array), .n_items = ELEMENTSOF(array)                                     \
        }

static const struct json_field run_fields[] = {
    {"run_id", read_word, AT(run_id), true, &run_id_charset},
    {"envelope", read_envelope, AT(envelope), false, NULL},
    {"packages", read_packages, 0, false, NULL},
    {"operation", read_word, AT(operation), false, &operation_charset},
};
static const struct json_field download_fields[] = {
    {"run_id", read_word, AT(run_id), true, &run_id_charset},
    {"envelope", read_envelope, AT(envelope), false, NULL},
};
static const struct json_field set_policy_fields[] = {
    {"envelope", read_envelope, AT(envelope), true, NULL},
};
static const struct json_field apply_now_fields[] = {
    {"now", json_read_bool, AT(now), false, NULL},
    {"download_only", json_read_bool, AT(download_only), false, NULL},
};
static const struct json_field pause_fields[] = {
    {"until", json_read_time, AT(until), false, NULL},
};
static const struct json_field rollback_fields[] = {
    {"run_id", read_word, AT(run_id), false, &run_id_charset},
    {"plan_only", json_read_bool, AT(plan_only), false, NULL},
    {"digest", read_word, AT(digest), false, &digest_charset},
};
static const struct json_field clear_veto_fields[] = {
    {"package", read_word, AT(package), false, &name_charset},
};

const struct request_fields request_fields_none = {0};
const struct request_fields request_fields_run = FIELDS(run_fields);
const struct request_fields request_fields_download = FIELDS(download_fields);
const struct request_fields request_fields_set_policy = FIELDS(set_policy_fields);
const struct request_fields request_fields_apply_now = FIELDS(apply_now_fields);
const struct request_fields request_fields_pause = FIELDS(pause_fields);
const struct request_fields request_fields_rollback = FIELDS(rollback_fields);
const struct request_fields request_fields_clear_veto = FIELDS(clear_veto_fields);

/* ---- reading ---- */

static int copy_present(const char *name, const struct json *value, void *arg)
{
        if (value)
                json_add_value(arg, name, value);
        return 0;
}

/* Varlink lets a caller send an optional member as null; our reader takes absence only. */
static int without_nulls(const struct json *parameters, struct json **ret, struct diag *diag)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;
        int r;

        json_begin_object(writer, NULL);
        if (parameters)
                (void)json_for_each_member(parameters, copy_present, writer);
        json_end(writer);
        r = json_writer_finish(writer, false, &text);
        if (r < 0)
                return r;
        return json_parse(text, strlen(text), ret, diag);
}

int request_read(const struct json *parameters, const struct request_fields *fields,
                 struct request *ret, struct diag *diag)
{
        CLEANUP(request_done) struct request request = {0};
        CLEANUP(json_freep) struct json *present = NULL;
        struct json_node node = {0};
        int r;

        r = without_nulls(parameters, &present, diag);
        if (r < 0)
                return r;
        node.value = present;
        r = json_read_object(&node, fields->items, fields->n_items, &request, diag);
        if (r < 0)
                return r;
        *ret = request;
        request = (struct request){0};
        return 0;
}
