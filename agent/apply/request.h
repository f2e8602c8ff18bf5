/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a caller may ask, read strictly: an unknown member, a wrong type or a value beyond its limit
 * is an error. A request never names paths, command lines or options.
 */

#include "base/json.h"
#include "decide/evaluate.h"

enum {
        REQUEST_PACKAGES_MAX = 2000,
        REQUEST_RUN_ID_MAX_BYTES = 64,
        REQUEST_NAME_MAX_BYTES = 255,
        REQUEST_OPERATION_MAX_BYTES = 128, /* as the policy's ids */
};

struct request {
        char *run_id;         /* [0-9A-Za-z-], no '-' first */
        struct blob envelope; /* data NULL: none */
        struct package_note *packages;
        size_t n_packages;
        bool has_packages; /* else all */
        bool now, download_only, plan_only;
        time_t until; /* 0: none */
        char *package;
        char *operation; /* an id; what it is, the policy says */
        char *digest; /* of a plan: 64 hex digits */
};

void request_done(struct request *request);

/* The members that a method takes. */
struct request_fields {
        const struct json_field *items;
        size_t n_items;
};
extern const struct request_fields request_fields_none, request_fields_run, request_fields_download,
    request_fields_set_policy, request_fields_apply_now, request_fields_pause,
    request_fields_rollback, request_fields_clear_veto;

/* parameters may be NULL. Members that are null count as left out. -EINVAL with a sentence. */
int request_read(const struct json *parameters, const struct request_fields *fields,
                 struct request *ret, struct diag *diag) MUST_CHECK;
