/* SPDX-License-Identifier: Apache-2.0 */

/* windows: every coming opening of this node's window, or of every window of a policy. */

#include "base/json.h"
#include "base/str.h"
#include "base/timetext.h"
#include "ctl/print.h"
#include "ctl/source.h"

#include <stdio.h>

static void write_opening(const struct window *window, const struct opening *opening, time_t now,
                          struct json_writer *writer)
{
        CLEANUP(freep) char *opens = window_local_text(window, opening->opens_at);
        CLEANUP(freep) char *closes = window_local_text(window, opening->closes_at);

        json_begin_object(writer, NULL);
        json_add_time(writer, "opens_at", opening->opens_at);
        json_add_time(writer, "closes_at", opening->closes_at);
        json_add_time(writer, "cutoff_at", opening->cutoff_at);
        json_add_string(writer, "opens_local", opens);
        json_add_string(writer, "closes_local", closes);
        json_add_bool(writer, "open", window_is_open(opening, now));
        json_end(writer);
}

static void print_opening(const struct window *window, const struct opening *opening, time_t now,
                          struct table *table)
{
        CLEANUP(freep) char *opens = window_local_text(window, opening->opens_at);
        CLEANUP(freep) char *when = print_when(opening->opens_at, now);
        char closes[TIME_TEXT_SIZE];
        bool open = window_is_open(opening, now);

        table_add(table, open ? TONE_GOOD : TONE_PLAIN,
                  (const char *[]){when, time_to_rfc3339(opening->closes_at, closes), opens,
                                   window->timezone, open ? "open now" : ""});
}

static int list_window(const struct ctl *ctl, const struct window *window,
                       struct json_writer *writer)
{
        CLEANUP(table_done) struct table table = {.n_columns = 5};
        struct opening *openings = calloc((size_t)ctl->next, sizeof(*openings));
        time_t now = ctl_now(ctl);
        size_t n;

        if (!openings)
                return -ENOMEM;
        n = window_openings(window, now, openings, (size_t)ctl->next);
        json_begin_object(writer, NULL);
        json_add_string(writer, "name", window->name);
        json_add_string(writer, "timezone", window->timezone);
        json_begin_array(writer, "openings");
        table_add(&table, TONE_BOLD, (const char *[]){"OPENS", "CLOSES", "LOCAL TIME", "ZONE", ""});
        for (size_t i = 0; i < n; i++) {
                write_opening(window, &openings[i], now, writer);
                print_opening(window, &openings[i], now, &table);
        }
        json_end(writer);
        json_end(writer);
        free(openings);
        if (!ctl->json) {
                printf("%s: %s at %02d:%02d %s for %lld min\n", window->name, window->rrule_text,
                       window->start_minutes / 60, window->start_minutes % 60, window->timezone,
                       (long long)window->duration_minutes);
                table_print(&table, ctl->colour);
        }
        return 0;
}

/* A policy file's windows are all listed; a node has the one of its assignment. */
static int list_windows(const struct ctl *ctl, const struct policy *policy,
                        const struct window *only, struct json_writer *writer)
{
        json_begin_object(writer, NULL);
        json_begin_array(writer, "windows");
        for (size_t i = 0; i < policy->n_windows; i++) {
                int r = only && only != &policy->windows[i]
                            ? 0
                            : list_window(ctl, &policy->windows[i], writer);

                if (r < 0)
                        return r;
        }
        json_end(writer);
        json_end(writer);
        return 0;
}

static int own_window(const struct ctl *ctl, const struct config *config,
                      const struct policy *policy, const struct window **ret, struct diag *diag)
{
        CLEANUP(root_done) struct root root = {.fd = -EBADF};
        CLEANUP(node_done) struct node node = {0};
        const struct assignment *assignment;
        int r = root_open(ctl->root, &root, diag);

        if (r < 0)
                return r;
        r = host_node(&root, config, &ctl->tags, NULL, &node, diag);
        if (r < 0)
                return r;
        assignment = assignment_for(policy, &node);
        if (!assignment)
                return diag_fail(diag, -ENOENT,
                                 "no assignment of policy '%s' matches this node: it has no window",
                                 policy->policy_id);
        if (!assignment->window)
                return diag_fail(diag, -ENOENT, "assignment '%s' (mode %s) has no window",
                                 assignment->name, enum_name(&mode_names, (int)assignment->mode));
        *ret = assignment->window;
        return 0;
}

static int windows(const struct ctl *ctl, char **ret_text, struct diag *diag)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(config_freep) struct config *config = NULL;
        CLEANUP(policy_freep) struct policy *policy = NULL;
        const struct window *only = NULL;
        int r = ctl->root ? 0 : config_load(ctl->paths, &config, diag);

        if (r < 0)
                return r;
        r = source_policy(ctl, config, &policy, diag);
        if (r < 0)
                return r;
        if (!ctl->policy_file) {
                r = own_window(ctl, config, policy, &only, diag);
                if (r < 0)
                        return r;
        }
        r = list_windows(ctl, policy, only, writer);
        if (r < 0)
                return r;
        return json_writer_finish(writer, true, ret_text);
}

int verb_windows(const struct ctl *ctl)
{
        CLEANUP(freep) char *text = NULL;
        struct diag diag = {0};
        int r = windows(ctl, &text, &diag);

        if (r < 0)
                return ctl_fail(&diag, r);
        if (ctl->json)
                (void)fputs(text, stdout);
        return EXIT_DONE;
}
