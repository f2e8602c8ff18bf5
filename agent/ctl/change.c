/* SPDX-License-Identifier: Apache-2.0 */

/* apply, reboot, pause, resume, policy reset: what administrators ask of the root helper. */

#include "ctl/change.h"
#include "base/str.h"
#include "base/timetext.h"
#include "ctl/print.h"
#include "ctl/remote.h"

#include <stdio.h>
#include <string.h>

#define ADMINISTRATORS "root and members of group patchd-admin"

enum { BAR_WIDTH = 30 };

static int show_progress(const struct json *parameters, void *context)
{
        const struct ctl *ctl = context;
        int64_t percent = json_get_int(parameters, "percent", -1);
        const char *text = json_get_string(parameters, "text") ?: "";
        int filled = (int)((percent < 0 ? 0 : percent > 100 ? 100 : percent) * BAR_WIDTH / 100);

        if (ctl->json)
                return 0;
        if (!isatty(STDERR_FILENO)) {
                (void)fprintf(stderr, "%s\n", text);
                return 0;
        }
        (void)fprintf(stderr, "\r\033[K[%.*s%*s] %3d%% %.60s", filled,
                      "##############################", BAR_WIDTH - filled, "",
                      percent < 0 ? 0 : (int)percent, text);
        return 0;
}

int change_ask(const struct ctl *ctl, const char *method, const char *parameters, bool is_long,
               struct json **ret, char **ret_error, struct diag *diag)
{
        struct remote_call call = {.socket_path = ctl->paths->admin_socket,
                                   .method = method,
                                   .parameters = parameters,
                                   .who = ADMINISTRATORS,
                                   .is_long = is_long,
                                   .on_progress = is_long ? show_progress : NULL,
                                   .context = (void *)ctl};
        int r = remote_ask(&call, ret, ret_error, diag);

        if (is_long && !ctl->json && isatty(STDERR_FILENO))
                (void)fprintf(stderr, "\r\033[K");
        return r;
}

int change_print_reply(const struct json *reply)
{
        CLEANUP(freep) char *text = NULL;

        if (!reply)
                return EXIT_DONE;
        if (json_to_text(reply, &text) < 0)
                return EXIT_FAILED;
        printf("%s\n", text);
        return EXIT_DONE;
}

/* ---- apply ---- */

int change_print_outcome(const struct ctl *ctl, const struct json *outcome)
{
        const struct json *packages = json_get(outcome, "packages");
        const char *result = json_get_string(outcome, "result");

        if (!ctl->json) {
                printf("%s: %s\n", result ?: "done", json_get_string(outcome, "message") ?: "");
                for (size_t i = 0; i < json_length(packages); i++) {
                        const struct json *package = json_at(packages, i);

                        printf("  %-9s %s %s -> %s%s%s\n", json_get_string(package, "result"),
                               json_get_string(package, "name"),
                               json_get_string(package, "version_from") ?: "(new)",
                               json_get_string(package, "version_to") ?: "(none)",
                               json_get_string(package, "message") ? ": " : "",
                               json_get_string(package, "message") ?: "");
                }
                if (json_get_string(outcome, "reboot"))
                        printf("  reboot %s\n", json_get_string(outcome, "reboot"));
        }
        if (result && strcmp(result, "succeeded") != 0)
                return EXIT_FAILED;
        return json_get_bool(outcome, "reboot_required", false) ? EXIT_REBOOT_PENDING : EXIT_DONE;
}

/* Waiting for the window is what was asked for, not a failure. */
static int say_queued(const struct ctl *ctl, const struct json *reply)
{
        const char *opens_at = json_get_string(reply, "opens_at");

        if (ctl->json)
                return change_print_reply(reply);
        if (opens_at)
                printf("queued for %s; 'patchctl apply --now' does not wait\n", opens_at);
        else
                printf("queued: the window does not open again; 'patchctl apply --now' does not "
                       "wait\n");
        return EXIT_DONE;
}

static int apply(const struct ctl *ctl, struct json **ret, char **ret_error, struct diag *diag)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *parameters = NULL;
        int r;

        json_begin_object(writer, NULL);
        json_add_bool(writer, "now", ctl->now);
        json_add_bool(writer, "download_only", ctl->download_only);
        json_end(writer);
        r = json_writer_finish(writer, false, &parameters);
        if (r < 0)
                return r;
        return change_ask(ctl, "org.patchd.apply.ApplyNow", parameters, true, ret, ret_error, diag);
}

int verb_apply(const struct ctl *ctl)
{
        CLEANUP(json_freep) struct json *reply = NULL;
        CLEANUP(freep) char *error = NULL;
        struct diag diag = {0};
        int r = apply(ctl, &reply, &error, &diag);

        if (r == -EREMOTEIO && str_equal(error, "org.patchd.apply.WindowClosed"))
                return say_queued(ctl, reply);
        if (r < 0)
                return ctl_fail(&diag, r);
        if (ctl->json)
                (void)change_print_reply(reply);
        return change_print_outcome(ctl, json_get(reply, "outcome"));
}

/* ---- the small ones ---- */

static int ask_simply(const struct ctl *ctl, const char *method, const char *parameters,
                      const char *done)
{
        CLEANUP(json_freep) struct json *reply = NULL;
        CLEANUP(freep) char *error = NULL;
        struct diag diag = {0};
        int r = change_ask(ctl, method, parameters, false, &reply, &error, &diag);

        if (r < 0)
                return ctl_fail(&diag, r);
        if (ctl->json)
                return change_print_reply(reply);
        printf("%s\n", done);
        return EXIT_DONE;
}

/* One text parameter, or none when value is NULL. The caller frees. */
static char *one_parameter(const char *name, const char *value)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        char *text = NULL;

        json_begin_object(writer, NULL);
        if (value)
                json_add_string(writer, name, value);
        json_end(writer);
        return json_writer_finish(writer, false, &text) < 0 ? NULL : text;
}

int verb_pause(const struct ctl *ctl)
{
        CLEANUP(freep) char *parameters = NULL;
        CLEANUP(freep) char *done = NULL;
        char text[TIME_TEXT_SIZE];
        time_t until = 0;

        if (ctl->until_text && time_from_text(ctl->until_text, &until) < 0)
                return EXIT_USAGE;
        parameters = one_parameter("until", until ? time_to_rfc3339(until, text) : NULL);
        done =
            until ? str_format("paused until %s", text) : strdup("paused until 'patchctl resume'");
        if (!parameters || !done)
                return EXIT_FAILED;
        return ask_simply(ctl, "org.patchd.apply.Pause", parameters, done);
}

int verb_resume(const struct ctl *ctl)
{
        return ask_simply(ctl, "org.patchd.apply.Resume", NULL, "resumed");
}

int verb_reboot(const struct ctl *ctl)
{
        return ask_simply(ctl, "org.patchd.apply.Reboot", NULL, "the node reboots now");
}

int verb_policy_reset(const struct ctl *ctl)
{
        return ask_simply(
            ctl, "org.patchd.apply.ResetPolicy", NULL,
            "the highest policy version seen is forgotten; the next poll starts anew");
}
