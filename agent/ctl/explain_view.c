/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/explain_view.h"

#include "base/str.h"
#include "ctl/print.h"
#include "ctl/report_view.h"

#include <stdio.h>
#include <string.h>

/* CVE records of a kernel come by the hundred; --json has all of them. */
enum { CVE_RECORDS_SHOWN = 10 };

static void print_line(const char *label, const char *format, ...) PRINTF(2, 3);

static void print_line(const char *label, const char *format, ...)
{
        va_list args;

        printf("      %-12s ", label);
        va_start(args, format);
        (void)vprintf(format, args);
        va_end(args);
        printf("\n");
}

static const char *get(const struct json *object, const char *name)
{
        return json_get_string(object, name) ?: "";
}

/* ---- where, and what it carries ---- */

static void print_indexes(const struct json *indexes, time_t now)
{
        for (size_t i = 0; i < json_length(indexes); i++) {
                const struct json *index = json_at(indexes, i);
                CLEANUP(freep) char *dated = print_when(json_get_time(index, "date"), now);

                print_line(i == 0 ? "offered by" : "", "%s %s%s%s, its index dated %s",
                           get(index, "repository"), get(index, "component"),
                           *get(index, "label") ? ", label " : "", get(index, "label"), dated);
                print_line("", "%s%s", get(index, "path"),
                           json_get_bool(index, "security", false) ? " (a security pocket)" : "");
        }
        if (json_length(indexes) == 0)
                print_line("offered by", "no index");
}

static void print_advisory(const char *label, const struct json *record, time_t now)
{
        time_t published = json_get_time(record, "published");
        CLEANUP(freep) char *when = print_when(published, now);

        print_line(label, "%s: %s, severity %s, published %s, fixed in %s%s", get(record, "id"),
                   get(record, "classification"), get(record, "severity"),
                   published ? when : "at an unknown time", get(record, "fixed"),
                   json_get_bool(record, "exact", false) ? " (this version)" : "");
}

static bool is_cve(const struct json *record)
{
        return strcmp(get(record, "kind"), "cve") == 0;
}

static void print_records(const struct json *records, time_t now)
{
        size_t n_advisories = 0, n_cves = 0;

        for (size_t i = 0; i < json_length(records); i++)
                if (!is_cve(json_at(records, i)))
                        print_advisory(n_advisories++ == 0 ? "advisories" : "", json_at(records, i),
                                       now);
        for (size_t i = 0; i < json_length(records); i++) {
                const struct json *record = json_at(records, i);

                if (is_cve(record) && n_cves++ < CVE_RECORDS_SHOWN)
                        print_line(n_cves == 1 ? "CVE records" : "",
                                   "%s: severity %s, fixed in %s (no advisory: gives no date)",
                                   get(record, "id"), get(record, "severity"),
                                   get(record, "fixed"));
        }
        if (n_cves > CVE_RECORDS_SHOWN)
                print_line("", "and %zu more (--json has them all)", n_cves - CVE_RECORDS_SHOWN);
}

/* ---- rules, evidence, verdict ---- */

static void print_rules(const struct json *version)
{
        const struct json *passed_over = json_get(version, "rules_passed_over");

        for (size_t i = 0; i < json_length(passed_over); i++) {
                const struct json *rule = json_at(passed_over, i);
                const char *name = json_get_string(rule, "name");

                if (name)
                        print_line(i == 0 ? "passed over" : "", "rule '%s' %s", name,
                                   get(rule, "reason"));
                else
                        print_line("passed over", "every rule: the baseline's filter %s",
                                   get(rule, "reason"));
        }
        if (json_get_string(version, "rule"))
                print_line("rule", "'%s' matches: it %s", get(version, "rule"),
                           get(version, "rule_meaning"));
        else
                print_line("rule", "none matches");
        if (json_get_string(version, "approved_by"))
                print_line("list", "the approved list names '%s'", get(version, "approved_by"));
        if (json_get_string(version, "rejected_by"))
                print_line("list", "the rejected list names '%s'", get(version, "rejected_by"));
}

static void print_version(const char *what, const struct json *version, const char *target,
                          time_t now)
{
        bool is_target = target && strcmp(get(version, "version"), target) == 0;
        time_t released_at = json_get_time(version, "released_at");
        CLEANUP(freep) char *released = print_when(released_at, now);
        CLEANUP(freep) char *approve_at = print_when(json_get_time(version, "approve_at"), now);

        printf("\n  %s %s (source %s %s): %s%s\n", what, get(version, "version"),
               get(version, "source"), get(version, "source_version"),
               json_get_bool(version, "approved", false) ? "approved" : "not approved",
               is_target ? ", the target" : "");
        print_indexes(json_get(version, "indexes"), now);
        print_line("carries", "%s, severity %s", get(version, "classification"),
                   get(version, "severity"));
        print_records(json_get(version, "records"), now);
        if (released_at)
                print_line("released", "%s, by the source '%s'", released,
                           get(version, "date_source"));
        else
                print_line("released", "unknown");
        print_line("evidence", "%s", get(version, "evidence"));
        print_rules(version);
        if (json_get_time(version, "approve_at") && !json_get_string(version, "rejected_by"))
                print_line("approved", "%s", approve_at);
        if (json_get_string(version, "held_by"))
                print_line("host", "holds it back: %s", get(version, "held_by"));
        print_line("verdict", "%s", get(version, "reason"));
        if (json_get_string(version, "needs"))
                print_line("but", "%s", get(version, "needs"));
}

static void print_left_out(const struct json *version, time_t now)
{
        printf("\n  Version %s: not considered, %s\n", get(version, "version"),
               get(version, "reason"));
        print_indexes(json_get(version, "indexes"), now);
}

/* ---- one package ---- */

static void print_head(const struct ctl *ctl, const struct json *package)
{
        const char *state = get(package, "state"), *reason = get(package, "reason");
        enum tone tone = report_view_tone(state);

        printf("%s:%s  installed %s, candidate %s, target %s\n", get(package, "name"),
               get(package, "arch"), json_get_string(package, "installed") ?: "none",
               json_get_string(package, "candidate") ?: "none",
               json_get_string(package, "target") ?: "none");
        printf("  %s%s%s%s%s\n", print_tone(ctl->colour, tone), state,
               print_tone_end(ctl->colour, tone), *reason ? ": " : "", reason);
}

static void print_package(const struct ctl *ctl, const struct json *package, time_t now)
{
        const struct json *versions = json_get(package, "versions");
        const struct json *left_out = json_get(package, "versions_left_out");
        const struct json *current = json_get(package, "current");

        print_head(ctl, package);
        printf("  installation: %s\n", get(json_get(package, "installation"), "text"));
        for (size_t i = 0; i < json_length(versions); i++)
                print_version("Version", json_at(versions, i), json_get_string(package, "target"),
                              now);
        for (size_t i = 0; i < json_length(left_out); i++)
                print_left_out(json_at(left_out, i), now);
        if (json_length(versions) + json_length(left_out) == 0)
                printf("\n  No configured source offers anything newer.\n");
        if (json_is_object(current))
                print_version("Installed version", current, NULL, now);
}

static void print_scope(const struct json *report, time_t now)
{
        const struct json *policy = json_get(report, "policy");
        const struct json *reasons = json_get(json_get(report, "compliance"), "unknown_reasons");
        CLEANUP(freep) char *when = print_when(now, time(NULL));

        if (json_get_bool(report, "what_if", false))
                printf("As of %s:\n", when);
        printf("Policy %s version %lld, %s%s%s%s\n", get(policy, "policy_id"),
               (long long)json_get_int(policy, "version", 0),
               json_get_string(policy, "assignment") ? "assignment " : "no assignment",
               get(policy, "assignment"), json_get_string(policy, "baseline") ? ", baseline " : "",
               get(policy, "baseline"));
        for (size_t i = 0; i < json_length(reasons); i++)
                printf("Not sure: %s\n", json_string(json_at(reasons, i)));
        printf("\n");
}

void explain_view_print(const struct ctl *ctl, const struct json *report, time_t now)
{
        const struct json *packages = json_get(report, "packages");

        print_scope(report, now);
        for (size_t i = 0; i < json_length(packages); i++) {
                if (i > 0)
                        printf("\n");
                print_package(ctl, json_at(packages, i), now);
        }
}
