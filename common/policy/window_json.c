/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy-private.h"

#include "base/str.h"

#include <string.h>

enum { ZONE_NAME_MAX_BYTES = 64 };

/* What is being filled and what it needs. */
struct window_reader {
        struct window window;
        const struct zone_loader *zones;
};

struct windows_reader {
        struct policy *policy;
        const struct zone_loader *zones;
};

static int read_rrule(const struct json_node *node, const struct json_field *field, void *target,
                      struct diag *diag)
{
        struct window *window = target;
        struct diag why = {0};
        int r;

        (void)field;
        r = json_read_string(node, NULL, &window->rrule_text, diag);
        if (r < 0)
                return r;
        r = rrule_parse(window->rrule_text, &window->rrule, &why);
        if (r == -EINVAL)
                return json_fail(diag, node, "%s", diag_text(&why, r));
        return r;
}

/* "01:00"; the parser's own limit is that of the two digits. */
static int read_start(const struct json_node *node, const struct json_field *field, void *target,
                      struct diag *diag)
{
        CLEANUP(freep) char *text = NULL;
        static const char digits[] = "0123456789";
        int hours, minutes, r;

        (void)field;
        r = json_read_string(node, NULL, &text, diag);
        if (r < 0)
                return r;
        if (strlen(text) != 5 || strspn(text, digits) != 2 || text[2] != ':' ||
            strspn(text + 3, digits) != 2)
                return json_fail(diag, node, "'%s' is not a time like 01:00", text);
        hours = (text[0] - '0') * 10 + text[1] - '0';
        minutes = (text[3] - '0') * 10 + text[4] - '0';
        if (hours > 23 || minutes > 59)
                return json_fail(diag, node, "'%s' is not a time of 00:00..23:59", text);
        *(int *)target = hours * 60 + minutes;
        return 0;
}

/* The loader makes a path of it, so nothing that walks: "Europe/Berlin", "Etc/GMT+5", "UTC". */
static bool is_zone_name(const char *name)
{
        static const char allowed[] =
            "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_+-/";

        return strlen(name) <= ZONE_NAME_MAX_BYTES && name[strspn(name, allowed)] == '\0' &&
               name[0] != '/' && !strstr(name, "//") && !str_has_suffix(name, "/");
}

static int read_timezone(const struct json_node *node, const struct json_field *field, void *target,
                         struct diag *diag)
{
        struct window_reader *reader = target;
        CLEANUP(blob_done) struct blob bytes = {0};
        struct diag why = {0};
        int r;

        (void)field;
        r = json_read_string(node, NULL, &reader->window.timezone, diag);
        if (r < 0)
                return r;
        if (!is_zone_name(reader->window.timezone))
                return json_fail(diag, node, "'%s' is not a time zone name like Europe/Berlin",
                                 reader->window.timezone);
        r = reader->zones->load(reader->zones->context, reader->window.timezone, &bytes, &why);
        if (r >= 0)
                r = zone_parse(bytes.data, bytes.size, &reader->window.zone, &why);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return json_fail(diag, node, "the time zone '%s' can't be read: %s",
                                 reader->window.timezone, diag_text(&why, r));
        return 0;
}

static int read_date(const struct json_node *node, const struct json_field *field, void *target,
                     struct diag *diag)
{
        CLEANUP(freep) char *text = NULL;
        int r;

        (void)field;
        r = json_read_string(node, NULL, &text, diag);
        if (r < 0)
                return r;
        if (date_from_text(text, target) < 0)
                return json_fail(diag, node, "'%s' is not a date like 2026-11-22", text);
        return 0;
}

static int read_exception(const struct json_node *item, void *arg, struct diag *diag)
{
        static const struct json_field fields[] = {
            {"from", read_date, offsetof(struct window_exception, from), true, NULL},
            {"to", read_date, offsetof(struct window_exception, to), true, NULL},
        };
        struct window *window = arg;
        struct window_exception *exception =
            policy_add_item(&window->exceptions, &window->n_exceptions, sizeof(*exception));
        int r;

        if (!exception)
                return -ENOMEM;
        r = json_read_object(item, fields, ELEMENTSOF(fields), exception, diag);
        if (r < 0)
                return r;
        if (date_to_days(exception->from) > date_to_days(exception->to))
                return json_fail(diag, item, "'from' is after 'to'");
        return 0;
}

static int read_exceptions(const struct json_node *node, const struct json_field *field,
                           void *target, struct diag *diag)
{
        (void)field;
        return json_read_items(node, WINDOW_EXCEPTIONS_MAX, read_exception, target, diag);
}

static const struct json_range duration_range = {WINDOW_DURATION_MINUTES_MIN,
                                                 WINDOW_DURATION_MINUTES_MAX};
static const struct json_range cutoff_range = {0, WINDOW_DURATION_MINUTES_MAX - 1};
static const struct json_range offset_range = {-WINDOW_OFFSET_DAYS_MAX, WINDOW_OFFSET_DAYS_MAX};

#define WINDOW_AT(member) offsetof(struct window_reader, window.member)

static const struct json_field window_fields[] = {
    {"rrule", read_rrule, offsetof(struct window_reader, window), true, NULL},
    {"start", read_start, WINDOW_AT(start_minutes), true, NULL},
    {"timezone", read_timezone, 0, true, NULL},
    {"duration_minutes", json_read_int, WINDOW_AT(duration_minutes), true, &duration_range},
    {"cutoff_minutes", json_read_int, WINDOW_AT(cutoff_minutes), false, &cutoff_range},
    {"offset_days", json_read_int, WINDOW_AT(offset_days), false, &offset_range},
    {"anchor", read_date, WINDOW_AT(anchor), false, NULL},
    {"except", read_exceptions, offsetof(struct window_reader, window), false, NULL},
};

static void window_reader_done(struct window_reader *reader)
{
        window_done(&reader->window);
}

static int read_window(const struct json_node *member, void *arg, struct diag *diag)
{
        struct windows_reader *windows = arg;
        CLEANUP(window_reader_done) struct window_reader reader = {.zones = windows->zones};
        struct window *window;
        int r;

        r = policy_check_member_name(member, diag);
        if (r < 0)
                return r;
        reader.window.name = strdup(member->name);
        if (!reader.window.name)
                return -ENOMEM;
        r = json_read_object(member, window_fields, ELEMENTSOF(window_fields), &reader, diag);
        if (r < 0)
                return r;
        r = window_validate(&reader.window, diag);
        if (r < 0)
                return r;
        window = policy_add_item(&windows->policy->windows, &windows->policy->n_windows,
                                 sizeof(*window));
        if (!window)
                return -ENOMEM;
        *window = reader.window;
        reader.window = (struct window){0};
        return 0;
}

int policy_read_windows(const struct json_node *node, struct policy *policy,
                        const struct zone_loader *zones, struct diag *diag)
{
        struct windows_reader reader = {.policy = policy, .zones = zones};

        return json_read_members(node, POLICY_WINDOWS_MAX, read_window, &reader, diag);
}
