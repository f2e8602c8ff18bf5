/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy-private.h"

#include <string.h>

#define POLICY_TYPE        "patchd.policy.v1"
#define POLICY_VERSION_MAX ((int64_t)1 << 53) /* exact in every JSON reader */

enum { MAX_AGE_DAYS_MAX = 3650 };

/* ---- assignments ---- */

/* An assignment before its names are resolved. */
struct assignment_reader {
        struct assignment *assignment;
        struct policy *policy;
        char *baseline, *window;
        int mode, reboot;
        int64_t max_age_days;
};

static void assignment_reader_done(struct assignment_reader *reader)
{
        free(reader->baseline);
        free(reader->window);
}

static int read_assignment_name(const struct json_node *node, const struct json_field *field,
                                void *target, struct diag *diag)
{
        struct assignment_reader *reader = target;

        return policy_read_name(node, field, &reader->assignment->name, diag);
}

static int read_assignment_match(const struct json_node *node, const struct json_field *field,
                                 void *target, struct diag *diag)
{
        struct assignment_reader *reader = target;

        return policy_read_match(node, field, &reader->assignment->match, diag);
}

static const struct json_range max_age_range = {1, MAX_AGE_DAYS_MAX};

static const struct json_field assignment_fields[] = {
    {"name", read_assignment_name, 0, true, NULL},
    {"match", read_assignment_match, 0, true, NULL},
    {"baseline", policy_read_name, offsetof(struct assignment_reader, baseline), true, NULL},
    {"window", policy_read_name, offsetof(struct assignment_reader, window), false, NULL},
    {"mode", json_read_enum, offsetof(struct assignment_reader, mode), true, &mode_names},
    {"reboot", json_read_enum, offsetof(struct assignment_reader, reboot), false,
     &reboot_mode_names},
    {"max_age_days", json_read_int, offsetof(struct assignment_reader, max_age_days), false,
     &max_age_range},
};

static const struct baseline *find_baseline(const struct policy *policy, const char *name)
{
        for (size_t i = 0; i < policy->n_baselines; i++)
                if (strcmp(policy->baselines[i].name, name) == 0)
                        return &policy->baselines[i];
        return NULL;
}

static const struct window *find_window(const struct policy *policy, const char *name)
{
        for (size_t i = 0; i < policy->n_windows; i++)
                if (strcmp(policy->windows[i].name, name) == 0)
                        return &policy->windows[i];
        return NULL;
}

static int resolve(const struct json_node *item, struct assignment_reader *reader,
                   struct diag *diag)
{
        struct assignment *assignment = reader->assignment;

        assignment->baseline = find_baseline(reader->policy, reader->baseline);
        if (!assignment->baseline)
                return policy_fail_at(diag, item, "baseline",
                                      "'%s' is not the name of a baseline in this policy",
                                      reader->baseline);
        if (!reader->window)
                return 0;
        assignment->window = find_window(reader->policy, reader->window);
        if (!assignment->window)
                return policy_fail_at(diag, item, "window",
                                      "'%s' is not the name of a window in this policy",
                                      reader->window);
        return 0;
}

static int finish_assignment(const struct json_node *item, struct assignment_reader *reader,
                             struct diag *diag)
{
        struct assignment *assignment = reader->assignment;

        assignment->mode = (enum mode)reader->mode;
        assignment->reboot = (enum reboot_mode)reader->reboot;
        assignment->max_age_days = reader->max_age_days;
        if (assignment->mode == MODE_APPLY && !reader->window)
                return json_fail(diag, item, "the mode 'apply' needs the key 'window'");
        if (assignment->mode != MODE_REPLACE && assignment->max_age_days > 0)
                return policy_fail_at(diag, item, "max_age_days",
                                      "belongs beside the mode 'replace' only");
        return resolve(item, reader, diag);
}

static int read_assignment(const struct json_node *item, void *arg, struct diag *diag)
{
        struct policy *policy = arg;
        CLEANUP(assignment_reader_done)
        struct assignment_reader reader = {.policy = policy, .reboot = REBOOT_IF_NEEDED};
        int r;

        reader.assignment = policy_add_item(&policy->assignments, &policy->n_assignments,
                                            sizeof(*reader.assignment));
        if (!reader.assignment)
                return -ENOMEM;
        r = json_read_object(item, assignment_fields, ELEMENTSOF(assignment_fields), &reader, diag);
        if (r < 0)
                return r;
        r = finish_assignment(item, &reader, diag);
        if (r < 0)
                return r;
        return policy_check_unique(item, "name", policy->assignments, policy->n_assignments,
                                   sizeof(*reader.assignment), diag);
}

int policy_read_assignments(const struct json_node *node, struct policy *policy,
                            const struct zone_loader *zones, struct diag *diag)
{
        (void)zones;
        return json_read_items(node, POLICY_ASSIGNMENTS_MAX, read_assignment, policy, diag);
}

/* ---- operations ---- */

static const struct json_field operation_fields[] = {
    {"id", policy_read_id, offsetof(struct operation, id), true, NULL},
    {"action", json_read_enum, offsetof(struct operation, action), true, &operation_action_names},
    {"match", policy_read_match, offsetof(struct operation, match), true, NULL},
    {"packages", policy_read_globs, offsetof(struct operation, packages), false, NULL},
    {"ignore_window", json_read_bool, offsetof(struct operation, ignore_window), false, NULL},
    {"expires", json_read_time, offsetof(struct operation, expires), true, NULL},
};

static int read_operation(const struct json_node *item, void *arg, struct diag *diag)
{
        struct policy *policy = arg;
        struct operation *operation =
            policy_add_item(&policy->operations, &policy->n_operations, sizeof(*operation));
        int r;

        if (!operation)
                return -ENOMEM;
        r = json_read_object(item, operation_fields, ELEMENTSOF(operation_fields), operation, diag);
        if (r < 0)
                return r;
        if (operation->packages.n_items > 0 && operation->action != OPERATION_APPLY)
                return policy_fail_at(diag, item, "packages",
                                      "belongs beside the action 'apply' only");
        return policy_check_unique(item, "id", policy->operations, policy->n_operations,
                                   sizeof(*operation), diag);
}

int policy_read_operations(const struct json_node *node, struct policy *policy,
                           const struct zone_loader *zones, struct diag *diag)
{
        (void)zones;
        return json_read_items(node, POLICY_OPERATIONS_MAX, read_operation, policy, diag);
}

/* ---- the whole ---- */

static int read_type(const struct json_node *node, const struct json_field *field, void *target,
                     struct diag *diag)
{
        static const char *const texts[] = {POLICY_TYPE};
        static const struct enum_table types = ENUM_TABLE(texts);
        static const struct json_field value = {.detail = &types};
        int type = 0;

        (void)field;
        (void)target;
        return json_read_enum(node, &value, &type, diag);
}

static const struct json_range version_range = {1, POLICY_VERSION_MAX};

static const struct json_field policy_fields[] = {
    {"type", read_type, 0, true, NULL},
    {"policy_id", policy_read_id, offsetof(struct policy, policy_id), true, NULL},
    {"version", json_read_int, offsetof(struct policy, version), true, &version_range},
    {"issued", json_read_time, offsetof(struct policy, issued), true, NULL},
    {"expires", json_read_time, offsetof(struct policy, expires), true, NULL},
    {"assignments", policy_read_later, 0, true, NULL},
    {"baselines", policy_read_later, 0, true, NULL},
    {"windows", policy_read_later, 0, false, NULL},
    {"feeds", policy_read_later, 0, false, NULL},
    {"operations", policy_read_later, 0, false, NULL},
};

/* In this order, because assignments point at baselines and windows that must not move any more. */
static const struct {
        const char *name;
        int (*read)(const struct json_node *node, struct policy *policy,
                    const struct zone_loader *zones, struct diag *diag);
} sections[] = {
    {"windows", policy_read_windows},       {"baselines", policy_read_baselines},
    {"feeds", policy_read_feeds},           {"assignments", policy_read_assignments},
    {"operations", policy_read_operations},
};

static int check_times(const struct json_node *root, const struct policy *policy, struct diag *diag)
{
        if (policy->issued <= 0)
                return policy_fail_at(diag, root, "issued", "is not after 1970");
        if (policy->expires <= policy->issued)
                return policy_fail_at(diag, root, "expires", "is not later than 'issued'");
        return 0;
}

static int read_policy(const struct json_node *root, const struct zone_loader *zones,
                       struct policy *policy, struct diag *diag)
{
        int r;

        r = json_read_object(root, policy_fields, ELEMENTSOF(policy_fields), policy, diag);
        if (r < 0)
                return r;
        r = check_times(root, policy, diag);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(sections); i++) {
                struct json_node node = {.value = json_get(root->value, sections[i].name),
                                         .parent = root,
                                         .name = sections[i].name};

                r = node.value ? sections[i].read(&node, policy, zones, diag) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

int policy_from_json(const char *text, size_t size, const struct zone_loader *zones,
                     struct policy **ret, struct diag *diag)
{
        CLEANUP(policy_freep) struct policy *policy = calloc(1, sizeof(*policy));
        CLEANUP(json_freep) struct json *json = NULL;
        struct json_node root = {0};
        int r;

        if (!policy)
                return -ENOMEM;
        r = json_parse(text, size, &json, diag);
        if (r < 0)
                return r;
        root.value = json;
        r = read_policy(&root, zones, policy, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(policy);
        return 0;
}
