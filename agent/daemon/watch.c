/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/watch.h"

#include "base/str.h"

#include <string.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

#define FOLDER_MASK                                                                                \
        (IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR)

#define CLOCK_NEVER_SEC ((time_t)4600000000) /* 2115; the kernel takes no 64 bits of seconds */

struct watch {
        sd_event *event; /* borrowed */
        const char *apply_state;
        char *outcomes;
        sd_event_source *state_source, *outcomes_source;
        sd_event_source *clock_source;
        int clock_fd;
        watch_fn on_change;
        void *context;
};

void watch_free(struct watch *watch)
{
        if (!watch)
                return;
        (void)sd_event_source_disable_unref(watch->state_source);
        (void)sd_event_source_disable_unref(watch->outcomes_source);
        (void)sd_event_source_disable_unref(watch->clock_source);
        closep(&watch->clock_fd);
        free(watch->outcomes);
        free(watch);
}

/* ---- folders ---- */

/* A finished file: neither hidden nor another kind. Writers rename into place. */
static bool is_outcome(const struct inotify_event *event)
{
        return event->len > 0 && event->name[0] != '.' && str_has_suffix(event->name, ".json");
}

static int on_outcomes(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        struct watch *watch = userdata;

        (void)source;
        if (event->mask & IN_IGNORED)
                watch->outcomes_source = sd_event_source_disable_unref(watch->outcomes_source);
        else if (event->mask & IN_Q_OVERFLOW ||
                 (event->mask & (IN_MOVED_TO | IN_CLOSE_WRITE) && is_outcome(event)))
                watch->on_change(WATCH_OUTCOME, watch->context);
        return 0;
}

static int on_state(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        struct watch *watch = userdata;

        (void)source;
        if (event->mask & IN_IGNORED) {
                watch->state_source = sd_event_source_disable_unref(watch->state_source);
                return 0;
        }
        if (event->len == 0)
                return 0;
        if (event->mask & (IN_DELETE | IN_MOVED_FROM) && str_equal(event->name, "pause.json"))
                watch->on_change(WATCH_RESUMED, watch->context);
        if (event->mask & (IN_CREATE | IN_MOVED_TO) && str_equal(event->name, "outcomes"))
                watch_retry(watch);
        return 0;
}

void watch_retry(struct watch *watch)
{
        if (!watch->state_source)
                (void)sd_event_add_inotify(watch->event, &watch->state_source, watch->apply_state,
                                           FOLDER_MASK, on_state, watch);
        if (!watch->outcomes_source)
                (void)sd_event_add_inotify(watch->event, &watch->outcomes_source, watch->outcomes,
                                           FOLDER_MASK, on_outcomes, watch);
}

/* ---- the clock ---- */

/* A timer that never fires, but is cancelled when the clock is set. */
static int arm_clock(int fd)
{
        const struct itimerspec never = {.it_value.tv_sec = CLOCK_NEVER_SEC};

        return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0
                   ? -errno
                   : 0;
}

static int on_clock(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct watch *watch = userdata;
        uint64_t n_expired;

        (void)events;
        if (read(fd, &n_expired, sizeof(n_expired)) >= 0 || errno != ECANCELED)
                return 0;
        if (arm_clock(fd) < 0)
                (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
        watch->on_change(WATCH_CLOCK, watch->context);
        return 0;
}

static int watch_clock(struct watch *watch, struct diag *diag)
{
        int r;

        watch->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (watch->clock_fd < 0)
                return diag_fail(diag, -errno, "cannot watch the clock: %m");
        r = arm_clock(watch->clock_fd);
        if (r >= 0)
                r = sd_event_add_io(watch->event, &watch->clock_source, watch->clock_fd, EPOLLIN,
                                    on_clock, watch);
        return r < 0 ? diag_fail(diag, r, "cannot watch the clock: %s", strerror(-r)) : 0;
}

int watch_new(sd_event *event, const char *apply_state, watch_fn on_change, void *context,
              struct watch **ret, struct diag *diag)
{
        CLEANUP(watch_freep) struct watch *watch = calloc(1, sizeof(*watch));
        int r;

        if (!watch)
                return -ENOMEM;
        watch->event = event;
        watch->apply_state = apply_state;
        watch->outcomes = str_format("%s/outcomes", apply_state);
        watch->clock_fd = -EBADF;
        watch->on_change = on_change;
        watch->context = context;
        if (!watch->outcomes)
                return -ENOMEM;
        r = watch_clock(watch, diag);
        if (r < 0)
                return r;
        watch_retry(watch);
        *ret = TAKE_PTR(watch);
        return 0;
}
