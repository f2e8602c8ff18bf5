/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy-private.h"

#include <string.h>

enum {
        APPROVE_AFTER_DAYS_MAX = 360,
        APPROVE_LATEST_DAYS_MAX = 3650,
        APPROVE_LATEST_FACTOR = 3, /* the default, in approve_after_days */
        ROLLOUT_HOURS_MAX = 24 * 90,
        NOT_GIVEN = -1,
};

/* ---- rules ---- */

/* "2026-10-01" means through the end of that day, UTC. */
static int read_until(const struct json_node *node, const struct json_field *field, void *target,
                      struct diag *diag)
{
        CLEANUP(freep) char *text = NULL;
        struct date date;
        int r;

        (void)field;
        r = json_read_string(node, NULL, &text, diag);
        if (r < 0)
                return r;
        if (date_from_text(text, &date) < 0)
                return json_fail(diag, node, "'%s' is not a date like 2026-11-22", text);
        *(time_t *)target = (time_t)((date_to_days(date) + 1) * SECONDS_PER_DAY - 1);
        return 0;
}

static const struct json_range after_range = {0, APPROVE_AFTER_DAYS_MAX};
static const struct json_range latest_range = {0, APPROVE_LATEST_DAYS_MAX};
static const struct json_range rollout_range = {0, ROLLOUT_HOURS_MAX};

static const struct json_field rule_fields[] = {
    {"name", policy_read_name, offsetof(struct rule, name), true, NULL},
    {"package", policy_read_globs, offsetof(struct rule, filter.packages), false, NULL},
    {"classification", json_read_enum_set, offsetof(struct rule, filter.classifications), false,
     &classification_names},
    {"severity", json_read_enum_set, offsetof(struct rule, filter.severities), false,
     &severity_names},
    {"approve_after_days", json_read_int, offsetof(struct rule, approve_after_days), false,
     &after_range},
    {"approve_until", read_until, offsetof(struct rule, approve_until), false, NULL},
    {"approve_latest_days", json_read_int, offsetof(struct rule, approve_latest_days), false,
     &latest_range},
    {"rollout_hours", json_read_int, offsetof(struct rule, rollout_hours), false, &rollout_range},
};

/* What the keys of a rule mean together. */
static int finish_rule(const struct json_node *item, struct rule *rule, struct diag *diag)
{
        bool has_days = rule->approve_after_days != NOT_GIVEN;

        if (has_days == (json_get(item->value, "approve_until") != NULL))
                return json_fail(diag, item,
                                 "needs exactly one of 'approve_after_days' and 'approve_until'");
        if (rule->approve_latest_days == NOT_GIVEN)
                rule->approve_latest_days =
                    has_days ? rule->approve_after_days * APPROVE_LATEST_FACTOR : 0;
        if (rule->approve_latest_days > 0 && rule->approve_latest_days < rule->approve_after_days)
                return policy_fail_at(diag, item, "approve_latest_days",
                                      "%lld is below approve_after_days, %lld, which would never "
                                      "count; 0 turns it off",
                                      (long long)rule->approve_latest_days,
                                      (long long)rule->approve_after_days);
        return 0;
}

static int read_rule(const struct json_node *item, void *arg, struct diag *diag)
{
        struct baseline *baseline = arg;
        struct rule *rule = policy_add_item(&baseline->rules, &baseline->n_rules, sizeof(*rule));
        int r;

        if (!rule)
                return -ENOMEM;
        rule->approve_after_days = rule->approve_latest_days = NOT_GIVEN;
        r = json_read_object(item, rule_fields, ELEMENTSOF(rule_fields), rule, diag);
        if (r < 0)
                return r;
        r = finish_rule(item, rule, diag);
        if (r < 0)
                return r;
        return policy_check_unique(item, "name", baseline->rules, baseline->n_rules, sizeof(*rule),
                                   diag);
}

static int read_rules(const struct json_node *node, const struct json_field *field, void *target,
                      struct diag *diag)
{
        (void)field;
        return json_read_items(node, POLICY_RULES_MAX, read_rule, target, diag);
}

/* ---- approved, rejected ---- */

static int read_cve(const struct json_node *node, const struct json_field *field, void *target,
                    struct diag *diag)
{
        static const char digits[] = "0123456789", prefix[] = "CVE-";
        const char *cve;
        int r;

        r = policy_read_name(node, field, target, diag);
        if (r < 0)
                return r;
        cve = *(char **)target;
        if (strncmp(cve, prefix, strlen(prefix)) != 0 || strspn(cve + 4, digits) != 4 ||
            cve[8] != '-' || strspn(cve + 9, digits) < 4 || cve[9 + strspn(cve + 9, digits)])
                return json_fail(diag, node, "'%s' is not a CVE id like CVE-2026-1234", cve);
        return 0;
}

static const struct json_field approved_fields[] = {
    {"package", policy_read_name, offsetof(struct selector, package), false, NULL},
    {"cve", read_cve, offsetof(struct selector, cve), false, NULL},
    {"advisory", policy_read_name, offsetof(struct selector, advisory), false, NULL},
    {"version", policy_read_name, offsetof(struct selector, version), false, NULL},
};
static const struct json_field rejected_fields[] = {
    {"package", policy_read_name, offsetof(struct selector, package), false, NULL},
    {"cve", read_cve, offsetof(struct selector, cve), false, NULL},
    {"advisory", policy_read_name, offsetof(struct selector, advisory), false, NULL},
    {"version", policy_read_name, offsetof(struct selector, version), false, NULL},
    {"reason", policy_read_text, offsetof(struct selector, reason), false, NULL},
    {"as_dependency", json_read_bool, offsetof(struct selector, as_dependency), false, NULL},
};

static int read_selector(const struct json_node *item, const struct json_field *fields,
                         size_t n_fields, struct selector *selector, struct diag *diag)
{
        int r;

        if (!selector)
                return -ENOMEM;
        r = json_read_object(item, fields, n_fields, selector, diag);
        if (r < 0)
                return r;
        if (!!selector->package + !!selector->cve + !!selector->advisory != 1)
                return json_fail(diag, item,
                                 "needs exactly one of 'package', 'cve' and 'advisory'");
        if (selector->version && !selector->package)
                return policy_fail_at(diag, item, "version", "belongs beside 'package' only");
        return 0;
}

static int read_approved_item(const struct json_node *item, void *arg, struct diag *diag)
{
        struct baseline *baseline = arg;
        struct selector *selector =
            policy_add_item(&baseline->approved, &baseline->n_approved, sizeof(*selector));

        return read_selector(item, approved_fields, ELEMENTSOF(approved_fields), selector, diag);
}

static int read_rejected_item(const struct json_node *item, void *arg, struct diag *diag)
{
        struct baseline *baseline = arg;
        struct selector *selector =
            policy_add_item(&baseline->rejected, &baseline->n_rejected, sizeof(*selector));

        return read_selector(item, rejected_fields, ELEMENTSOF(rejected_fields), selector, diag);
}

static int read_approved(const struct json_node *node, const struct json_field *field, void *target,
                         struct diag *diag)
{
        (void)field;
        return json_read_items(node, POLICY_SELECTORS_MAX, read_approved_item, target, diag);
}

static int read_rejected(const struct json_node *node, const struct json_field *field, void *target,
                         struct diag *diag)
{
        (void)field;
        return json_read_items(node, POLICY_SELECTORS_MAX, read_rejected_item, target, diag);
}

/* ---- baselines ---- */

static int read_filters(const struct json_node *node, const struct json_field *field, void *target,
                        struct diag *diag)
{
        static const struct json_field fields[] = {
            {"package", policy_read_globs, offsetof(struct baseline, filter.packages), false, NULL},
            {"classification", json_read_enum_set,
             offsetof(struct baseline, filter.classifications), false, &classification_names},
            {"severity", json_read_enum_set, offsetof(struct baseline, filter.severities), false,
             &severity_names},
        };

        (void)field;
        return json_read_object(node, fields, ELEMENTSOF(fields), target, diag);
}

static int read_date_source(const struct json_node *item, void *arg, struct diag *diag)
{
        static const struct json_field field = {.detail = &date_source_names};
        struct baseline *baseline = arg;
        int source = 0, r;

        r = json_read_enum(item, &field, &source, diag);
        if (r < 0)
                return r;
        for (size_t i = 0; i < baseline->n_date_sources; i++)
                if ((int)baseline->date_sources[i] == source)
                        return json_fail(diag, item, "'%s' stands twice in the list",
                                         enum_name(&date_source_names, source));
        baseline->date_sources[baseline->n_date_sources++] = (enum date_source)source;
        return 0;
}

static int read_date_sources(const struct json_node *node, const struct json_field *field,
                             void *target, struct diag *diag)
{
        struct baseline *baseline = target;
        int r;

        (void)field;
        baseline->n_date_sources = 0;
        r = json_read_items(node, N_DATE_SOURCES, read_date_source, baseline, diag);
        if (r < 0)
                return r;
        if (baseline->n_date_sources == 0)
                return json_fail(diag, node, "is an empty list; leave the key out instead");
        return 0;
}

static const struct json_field baseline_fields[] = {
    {"filters", read_filters, 0, false, NULL},
    {"rules", read_rules, 0, false, NULL},
    {"approved", read_approved, 0, false, NULL},
    {"rejected", read_rejected, 0, false, NULL},
    {"date_sources", read_date_sources, 0, false, NULL},
    {"unknown_date", json_read_enum, offsetof(struct baseline, unknown_date), false,
     &unknown_date_names},
};

static int read_baseline(const struct json_node *member, void *arg, struct diag *diag)
{
        struct policy *policy = arg;
        struct baseline *baseline;
        int r;

        r = policy_check_member_name(member, diag);
        if (r < 0)
                return r;
        baseline = policy_add_item(&policy->baselines, &policy->n_baselines, sizeof(*baseline));
        if (!baseline)
                return -ENOMEM;
        baseline->name = strdup(member->name);
        if (!baseline->name)
                return -ENOMEM;
        baseline->date_sources[0] = DATE_SOURCE_ADVISORY;
        baseline->date_sources[1] = DATE_SOURCE_OBSERVED;
        baseline->n_date_sources = 2;
        baseline->unknown_date = UNKNOWN_DATE_HOLD;
        return json_read_object(member, baseline_fields, ELEMENTSOF(baseline_fields), baseline,
                                diag);
}

int policy_read_baselines(const struct json_node *node, struct policy *policy,
                          const struct zone_loader *zones, struct diag *diag)
{
        (void)zones;
        return json_read_members(node, POLICY_BASELINES_MAX, read_baseline, policy, diag);
}
