/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/follow.h"

#include "base/str.h"
#include "ctl/change.h"
#include "ctl/show.h"
#include "host/apply_state.h"
#include "host/running.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_AGAIN_MSEC = 250 };

void followed_done(struct followed *followed)
{
        free(followed->run_id);
        free(followed->trigger);
        *followed = (struct followed){0};
}

/* ---- while it is at work ---- */

static int note(const struct ctl *ctl, const struct running *running, struct followed *followed)
{
        char since[TIME_TEXT_SIZE];

        followed->run_id = strdup(running->run_id);
        followed->trigger = strdup(running->trigger);
        if (!followed->run_id || !followed->trigger)
                return -ENOMEM;
        if (!ctl->json)
                (void)fprintf(stderr, "attached to run %s (%s), which began at %s\n",
                              running->run_id, running->trigger,
                              time_to_rfc3339(running->since, since));
        return 0;
}

/* *last is the line told last. */
static int tell_line(const struct running *running, char **last)
{
        CLEANUP(freep) char *line = NULL;
        int r = json_to_text(running->json, &line);

        if (r < 0 || str_equal(line, *last))
                return r;
        printf("%s\n", line);
        (void)fflush(stdout);
        free(*last);
        *last = TAKE_PTR(line);
        return 0;
}

static int look(const struct ctl *ctl, struct show *show, char **last, struct followed *followed,
                struct diag *diag)
{
        CLEANUP(running_done) struct running running = {0};
        int r = running_read(ctl->paths, &running, diag);

        if (r <= 0)
                return r;
        if (!followed->run_id)
                r = note(ctl, &running, followed);
        if (r < 0)
                return r;
        if (strcmp(followed->run_id, running.run_id) != 0)
                return 0; /* the next one */
        show_progress(show, &running.progress);
        if (last)
                r = tell_line(&running, last);
        return r < 0 ? r : 1;
}

int follow(const struct ctl *ctl, const struct detach *detach, bool lines, struct followed *ret,
           struct diag *diag)
{
        CLEANUP(followed_done) struct followed followed = {0};
        CLEANUP(freep) char *last = NULL;
        struct show show;
        int r;

        show_begin(ctl, &show);
        do {
                r = look(ctl, &show, lines ? &last : NULL, &followed, diag);
                if (r > 0 && detach_sleep(detach, LOOK_AGAIN_MSEC) < 0)
                        r = -EINTR;
        } while (r > 0);
        show_end(&show);
        if (r < 0)
                return r;
        *ret = followed;
        followed = (struct followed){0};
        return 0;
}

/* ---- what came of it ---- */

int follow_outcome(const struct ctl *ctl, const char *run_id, struct json **ret, struct diag *diag)
{
        CLEANUP(outcome_freep) struct outcome *outcome = NULL;
        CLEANUP(freep) char *text = NULL;
        struct diag why = {0};
        int r = apply_state_outcome(ctl->paths, run_id, &outcome, &why);

        *ret = NULL;
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return diag_fail(diag, r, "%s", diag_text(&why, r));
        r = outcome_to_text(outcome, &text);
        return r < 0 ? r : json_parse(text, strlen(text), ret, diag);
}

/* ---- watch ---- */

static int say_nothing(const struct ctl *ctl)
{
        if (ctl->json)
                printf("{\"state\":\"idle\"}\n");
        else
                printf("no run is going on; 'patchctl history' shows what runs did\n");
        return EXIT_DONE;
}

static bool is_open(const struct ctl *ctl, const char *run_id)
{
        CLEANUP(freep)
        char *path = str_format("%s/intents/%s.json", ctl->paths->apply_state, run_id);

        return path && access(path, F_OK) == 0;
}

/* Not everything that is followed is a run that installs. */
static int say_end(const struct ctl *ctl, const struct followed *followed)
{
        CLEANUP(json_freep) struct json *outcome = NULL;
        struct diag diag = {0};
        int r = follow_outcome(ctl, followed->run_id, &outcome, &diag);

        if (r < 0)
                return ctl_fail(&diag, r);
        if (outcome)
                return change_print_end(ctl, outcome);
        if (is_open(ctl, followed->run_id)) {
                (void)diag_fail(&diag, -EINTR,
                                "run %s was interrupted; what it left is repaired when the root "
                                "helper is asked next, by the daemon or by 'patchctl apply'",
                                followed->run_id);
                return ctl_fail(&diag, -EINTR);
        }
        if (!ctl->json)
                printf("%s has ended and installed nothing; 'patchctl status' shows the node\n",
                       followed->run_id);
        return EXIT_DONE;
}

int verb_watch(const struct ctl *ctl)
{
        CLEANUP(followed_done) struct followed followed = {0};
        struct detach detach;
        struct diag diag = {0};
        int r;

        detach_arm(&detach);
        r = follow(ctl, &detach, ctl->json, &followed, &diag);
        detach_disarm(&detach);
        if (r == -EINTR)
                return detach_say();
        if (r < 0)
                return ctl_fail(&diag, r);
        return followed.run_id ? say_end(ctl, &followed) : say_nothing(ctl);
}
