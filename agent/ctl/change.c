/* SPDX-License-Identifier: Apache-2.0 */

/* apply, reboot, pause, resume, policy reset: what administrators ask of the root helper. */

#include "ctl/change.h"
#include "base/str.h"
#include "base/timetext.h"
#include "ctl/follow.h"
#include "ctl/print.h"
#include "ctl/remote.h"
#include "ctl/show.h"

#include <stdio.h>
#include <string.h>

#define ADMINISTRATORS  "root and members of group patchd-admin"
#define ALREADY_RUNNING "org.patchd.apply.AlreadyRunning"

enum { AGAIN_MSEC = 200, AGAIN_MAX = 50, FOLLOW_MAX = 20 };

static int on_progress(const struct json *parameters, void *context)
{
        const struct progress progress = progress_read(parameters);

        show_progress(context, &progress);
        return 0;
}

static int ask_shown(const struct ctl *ctl, struct remote_call *call, struct json **ret,
                     char **ret_error, struct diag *diag)
{
        struct show show;
        int r;

        show_begin(ctl, &show);
        call->is_long = true;
        call->on_progress = on_progress;
        call->context = &show;
        r = remote_ask(call, ret, ret_error, diag);
        show_end(&show);
        return r;
}

static int ask_for_run(const struct ctl *ctl, struct remote_call *call, struct json **ret,
                       char **ret_error, struct diag *diag)
{
        struct detach detach;
        struct diag why = {0};
        int r;

        detach_arm(&detach);
        call->interrupting = &detach.mask;
        r = ask_shown(ctl, call, ret, ret_error, &why);
        detach_disarm(&detach);
        if (r == -ECONNRESET || r == -EBADMSG)
                return diag_fail(diag, r,
                                 "the root helper broke off in the middle of the run; what it left "
                                 "is repaired when it is asked next, by the daemon or by 'patchctl "
                                 "apply'");
        return r < 0 ? diag_fail(diag, r, "%s", diag_text(&why, r)) : r;
}

int change_ask(const struct ctl *ctl, const char *method, const char *parameters,
               enum change_kind kind, struct json **ret, char **ret_error, struct diag *diag)
{
        struct remote_call call = {.socket_path = ctl->paths->admin_socket,
                                   .method = method,
                                   .parameters = parameters,
                                   .who = ADMINISTRATORS};

        if (kind == CHANGE_SHORT)
                return remote_ask(&call, ret, ret_error, diag);
        return kind == CHANGE_LOOK ? ask_shown(ctl, &call, ret, ret_error, diag)
                                   : ask_for_run(ctl, &call, ret, ret_error, diag);
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

int change_print_end(const struct ctl *ctl, const struct json *outcome)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;

        json_begin_object(writer, NULL);
        json_add_string(writer, "state", "finished");
        json_add_string(writer, "text", json_get_string(outcome, "message"));
        json_add_value(writer, "outcome", outcome);
        json_end(writer);
        if (ctl->json && json_writer_finish(writer, false, &text) >= 0)
                printf("%s\n", text);
        return change_print_outcome(ctl, outcome);
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
        return change_ask(ctl, "org.patchd.apply.ApplyNow", parameters, CHANGE_RUN, ret, ret_error,
                          diag);
}

/* Follows what is at work instead. *ret stays NULL when that was no run that installs: then ours is
 * still to be done. *ret_followed: there was something to follow. */
static int attach(const struct ctl *ctl, const char *run_id, struct json **ret, bool *ret_followed,
                  struct diag *diag)
{
        CLEANUP(followed_done) struct followed followed = {0};
        struct detach detach;
        int r;

        detach_arm(&detach);
        r = follow(ctl, &detach, false, &followed, diag);
        *ret_followed = followed.run_id != NULL;
        if (r >= 0)
                r = follow_outcome(ctl, followed.run_id ?: run_id, ret, diag);
        if (r >= 0 && !*ret && !*ret_followed)
                r = detach_sleep(&detach, AGAIN_MSEC);
        detach_disarm(&detach);
        return r;
}

/* One question, and what is to be done when something is at work already. *ret_again: ask anew. */
static int apply_once(const struct ctl *ctl, bool may_attach, bool *ret_again, bool *ret_followed)
{
        CLEANUP(json_freep) struct json *reply = NULL, *outcome = NULL;
        CLEANUP(freep) char *error = NULL;
        struct diag diag = {0}, why = {0};
        int r = apply(ctl, &reply, &error, &diag);

        *ret_again = false;
        if (r == -EREMOTEIO && str_equal(error, "org.patchd.apply.WindowClosed"))
                return say_queued(ctl, reply);
        if (may_attach && r == -EREMOTEIO && str_equal(error, ALREADY_RUNNING)) {
                r = attach(ctl, json_get_string(reply, "run_id") ?: "", &outcome, ret_followed,
                           &why);
                *ret_again = r >= 0 && !outcome;
                if (outcome)
                        return change_print_end(ctl, outcome);
                if (r < 0)
                        diag = why;
        }
        if (r == -EINTR)
                return detach_say();
        if (r < 0)
                return ctl_fail(&diag, r);
        if (*ret_again)
                return EXIT_DONE;
        if (ctl->json)
                (void)change_print_reply(reply);
        return change_print_outcome(ctl, json_get(reply, "outcome"));
}

/* What only looked at work for a moment, or only fetched, is waited for. */
int verb_apply(const struct ctl *ctl)
{
        int n_waits = 0, n_follows = 0, result;
        bool again;

        do {
                bool followed = false;

                result = apply_once(ctl, n_waits < AGAIN_MAX && n_follows < FOLLOW_MAX, &again,
                                    &followed);
                n_waits += !followed;
                n_follows += followed;
        } while (again);
        return result;
}

/* ---- the small ones ---- */

static int ask_simply(const struct ctl *ctl, const char *method, const char *parameters,
                      const char *done)
{
        CLEANUP(json_freep) struct json *reply = NULL;
        CLEANUP(freep) char *error = NULL;
        struct diag diag = {0};
        int r = change_ask(ctl, method, parameters, CHANGE_SHORT, &reply, &error, &diag);

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
