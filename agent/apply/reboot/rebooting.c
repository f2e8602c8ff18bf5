/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/reboot/rebooting.h"

#include "apply/reboot/logind.h"
#include "apply/reboot/reboot_lock.h"
#include "apply/run/run.h"
#include "base/str.h"
#include "host/log.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <systemd/sd-daemon.h>

struct rebooting {
        int lock;                 /* held as long as this helper is at work on it */
        struct run_lock run_lock; /* while one is asked for: no run starts on the way down */
        struct outcome *outcome;
        struct strv reasons;
        struct opening opening;
};

void rebooting_free(struct rebooting *rebooting)
{
        if (!rebooting)
                return;
        closep(&rebooting->lock);
        run_lock_done(&rebooting->run_lock);
        outcome_free(rebooting->outcome);
        strv_done(&rebooting->reasons);
        free(rebooting);
}
DEFINE_CLEANUP(struct rebooting, rebooting_free);

/* ---- on disk ---- */

int rebooting_set_text(struct outcome *outcome, char *text)
{
        return str_replace(&outcome->reboot, text);
}

int rebooting_write(const struct paths *paths, const struct outcome *outcome, struct diag *diag)
{
        bool is_open = outcome->reboot_phase == REBOOT_PHASE_AWAITED ||
                       outcome->reboot_phase == REBOOT_PHASE_REQUESTED;
        int r = is_open ? state_write_intent(paths, outcome, diag) : 0;

        if (r >= 0)
                r = state_write_outcome(paths, outcome, diag);
        return r < 0 || is_open ? r : state_remove_intent(paths, outcome->run_id, diag);
}

/* Who can open one can hold it: nobody but root is to. */
static int open_lock(const char *folder, const char *name, int flags)
{
        CLEANUP(freep) char *path = str_format("%s/%s", folder, name);
        int fd;

        if (!path)
                return -ENOMEM;
        fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
        return fd < 0 ? -errno : fd;
}

bool rebooting_is_awaited(const struct paths *paths)
{
        CLEANUP(closep) int fd = open_lock(paths->apply_state, "reboot.lock", O_RDWR);

        return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

/* ---- arming ---- */

static struct rebooting *rebooting_new(void)
{
        struct rebooting *rebooting = calloc(1, sizeof(*rebooting));

        if (rebooting)
                rebooting->lock = rebooting->run_lock.fd = -EBADF;
        return rebooting;
}

int rebooting_arm(struct run *run, const struct strv *reasons)
{
        CLEANUP(rebooting_freep) struct rebooting *rebooting = rebooting_new();
        const struct paths *paths = run->service->paths;
        struct outcome *outcome = run->outcome;
        int r;

        if (!rebooting)
                return -ENOMEM;
        if (sd_booted() <= 0)
                return rebooting_set_text(
                    outcome, strdup("not performed: systemd, which would be asked for it, does not "
                                    "run here"));
        rebooting->lock = open_lock(paths->apply_state, "reboot.lock", O_RDWR | O_CREAT);
        if (rebooting->lock < 0 || flock(rebooting->lock, LOCK_EX | LOCK_NB) < 0) {
                outcome->reboot_phase = REBOOT_PHASE_POSTPONED;
                return rebooting_set_text(
                    outcome, strdup("postponed: an earlier run's reboot is awaited already"));
        }
        r = strv_add_all(&rebooting->reasons, (const char *const *)reasons->items,
                         reasons->n_items);
        if (r < 0)
                return r;
        rebooting->opening = run->opening;
        outcome->reboot_phase = REBOOT_PHASE_AWAITED;
        rebooting_free(run->service->rebooting);
        run->service->rebooting = TAKE_PTR(rebooting);
        return 0;
}

int rebooting_take_outcome(struct run *run)
{
        struct rebooting *rebooting = run->service->rebooting;
        CLEANUP(freep) char *text = NULL;
        int r;

        if (!rebooting || run->outcome->reboot_phase != REBOOT_PHASE_AWAITED)
                return 0;
        r = outcome_to_text(run->outcome, &text);
        return r < 0 ? r : outcome_from_text(text, strlen(text), &rebooting->outcome, NULL);
}

/* ---- waiting ---- */

/* Ends early when the helper is asked to stop. */
static void wait_seconds(int seconds)
{
        if (!service_should_stop())
                (void)poll(NULL, 0, seconds * 1000);
}

static bool cycle_is_running(const struct paths *paths)
{
        CLEANUP(closep) int fd = open_lock(paths->state, "cycle.lock", O_RDONLY);

        return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

/* The report that says "requested" is to be delivered before the network goes. A cycle can hold
 * this up, but not for long. */
static void give_notice(const struct paths *paths)
{
        for (int i = 0; i < REBOOT_NOTICE_MAX_SECONDS && !service_should_stop(); i++) {
                if (i >= REBOOT_NOTICE_MIN_SECONDS && !cycle_is_running(paths))
                        return;
                wait_seconds(1);
        }
}

/* ---- the request ---- */

static void log_reboot(const struct outcome *outcome, enum event event, const char *reason)
{
        const struct event_fields fields = {.run_id = outcome->run_id,
                                            .policy_id = outcome->policy_id,
                                            .policy_version = outcome->policy_version,
                                            .reason = reason};

        log_event(event, &fields);
}

static char *wall_text(const struct outcome *outcome, const struct strv *reasons)
{
        CLEANUP(str_done) struct str text = {0};
        char *taken = NULL;

        str_appendf(&text, "patchd reboots this node after run %s of policy %s version %lld: ",
                    outcome->run_id, outcome->policy_id ?: "-", (long long)outcome->policy_version);
        str_append_printable(&text, reasons->n_items > 0 ? reasons->items[0] : "");
        if (!text.failed && text.length > LOGIND_WALL_MAX_BYTES)
                text.data[LOGIND_WALL_MAX_BYTES] = '\0';
        return str_take(&text, &taken) < 0 ? NULL : taken;
}

static int request(const struct paths *paths, struct rebooting *rebooting, struct diag *diag)
{
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        struct outcome *outcome = rebooting->outcome;
        char at[TIME_TEXT_SIZE];
        time_t now = time(NULL);
        int r = reboot_book_read(paths, &book);

        if (r >= 0)
                r = reboot_book_request(&book, outcome->run_id, outcome->boot_id ?: "",
                                        &rebooting->reasons, now);
        if (r >= 0)
                r = reboot_book_write(paths, &book, diag);
        if (r < 0)
                return r;
        outcome->reboot_phase = REBOOT_PHASE_REQUESTED;
        outcome->reboot_requested_at = now;
        r = rebooting_set_text(outcome, str_format("requested at %s", time_to_rfc3339(now, at)));
        return r < 0 ? r : rebooting_write(paths, outcome, diag);
}

/* Nothing was asked of the system after all. */
static int withdraw(const struct paths *paths, struct diag *diag)
{
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        int r = reboot_book_read(paths, &book);

        if (r < 0 || !book.is_pending)
                return r;
        reboot_book_withdraw(&book);
        return reboot_book_write(paths, &book, diag);
}

/* ---- one try ---- */

/* Who inhibits a shutdown for now; NULL: nobody. Owned. */
static int find_blockers(char **ret, struct diag *diag)
{
        CLEANUP(freep) char *names = NULL;
        int r = logind_blockers(&names, diag);

        if (r < 0 || !names)
                return r;
        *ret = str_format("a shutdown is inhibited by %s", names);
        return *ret ? 0 : -ENOMEM;
}

/* What is in the way for now; NULL: nothing, and no run starts any more. Owned. */
static int find_obstacle(const struct paths *paths, struct rebooting *rebooting, char **ret,
                         struct diag *diag)
{
        CLEANUP(lock_holder_done) struct lock_holder holder = {0};
        int r = run_lock_take(paths, rebooting->outcome->run_id, time(NULL), &rebooting->run_lock,
                              &holder, diag);

        if (r == -EBUSY) {
                *ret = str_format("run %s is at work", holder.run_id);
                return *ret ? 0 : -ENOMEM;
        }
        if (r >= 0)
                r = find_blockers(ret, diag);
        return r < 0 || *ret ? r : reboot_lock_take(paths, ret, diag);
}

/* Why it can't be done in this window any more; NULL: it can. Owned; "" when out of memory. */
static char *find_end(const struct paths *paths, const struct rebooting *rebooting)
{
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        time_t now = time(NULL), until = 0;
        bool is_paused = false;
        int64_t reserve;

        if (service_should_stop())
                return strdup("the helper was asked to stop");
        if (apply_state_pause(paths, now, &is_paused, &until, NULL) < 0 || is_paused)
                return strdup("an administrator paused the node");
        if (reboot_book_read(paths, &book) < 0)
                return strdup("out of memory");
        reserve = reboot_reserve_seconds(book.durations_seconds, book.n_durations);
        return now + reserve > rebooting->opening.closes_at
                   ? strdup("no time is left in the window")
                   : NULL;
}

static int note(const struct paths *paths, struct outcome *outcome, const char *obstacle,
                struct diag *diag)
{
        CLEANUP(freep) char *text = str_format("awaited: %s", obstacle);
        int r;

        if (!text)
                return -ENOMEM;
        if (str_equal(outcome->reboot, text))
                return 0;
        log_reboot(outcome, EVENT_REBOOT_NOT_PERFORMED, text);
        outcome->reboot_phase = REBOOT_PHASE_AWAITED;
        r = rebooting_set_text(outcome, TAKE_PTR(text));
        return r < 0 ? r : rebooting_write(paths, outcome, diag);
}

static int give_up(const struct paths *paths, struct outcome *outcome, const char *why,
                   struct diag *diag)
{
        CLEANUP(freep) char *last = strdup(outcome->reboot ?: "");
        const char *obstacle = last && str_has_prefix(last, "awaited: ") ? last + 9 : NULL;
        int r;

        outcome->reboot_phase = REBOOT_PHASE_POSTPONED;
        outcome->reboot_requested_at = 0;
        r = rebooting_set_text(
            outcome, str_format("postponed: %s%s%s", why, obstacle ? "; " : "", obstacle ?: ""));
        if (r >= 0)
                r = rebooting_write(paths, outcome, diag);
        if (r >= 0)
                log_reboot(outcome, EVENT_REBOOT_NOT_PERFORMED, outcome->reboot);
        return r;
}

/* Asks for the reboot. *ret_obstacle: what came in between, for another try; NULL: it comes. */
static int go(const struct paths *paths, struct rebooting *rebooting, char **ret_obstacle,
              struct diag *diag)
{
        CLEANUP(freep) char *wall = wall_text(rebooting->outcome, &rebooting->reasons);
        struct diag why = {0};
        int r = wall ? request(paths, rebooting, diag) : -ENOMEM;

        if (r < 0)
                return r;
        log_reboot(rebooting->outcome, EVENT_REBOOT_REQUESTED, wall);
        give_notice(paths);
        if (service_should_stop())
                *ret_obstacle = strdup("the helper was asked to stop");
        else
                r = find_blockers(ret_obstacle, diag);
        if (r >= 0 && !*ret_obstacle && logind_reboot(wall, &why) < 0)
                *ret_obstacle = strdup(diag_text(&why, -EIO));
        if (r >= 0 && *ret_obstacle)
                r = withdraw(paths, diag);
        return r;
}

/* What fails here is tried again by the next cycle. */
static void release_lock(const struct paths *paths)
{
        struct diag why = {0};
        int r = reboot_lock_release(paths, &why);

        if (r < 0)
                log_line(LOG_LEVEL_WARNING, "%s", diag_text(&why, r));
}

/* 1: it comes, or will not in this window; 0: to be tried again. */
static int try(struct service *service, struct rebooting *rebooting, struct diag *diag)
{
        CLEANUP(freep) char *end = find_end(service->paths, rebooting);
        CLEANUP(freep) char *obstacle = NULL;
        int r;

        if (end) {
                release_lock(service->paths);
                r = give_up(service->paths, rebooting->outcome, end, diag);
                return r < 0 ? r : 1;
        }
        r = find_obstacle(service->paths, rebooting, &obstacle, diag);
        if (r >= 0 && !obstacle)
                r = go(service->paths, rebooting, &obstacle, diag);
        if (r >= 0 && !obstacle)
                return 1;
        run_lock_done(&rebooting->run_lock);
        return r < 0 ? r : note(service->paths, rebooting->outcome, obstacle, diag);
}

void rebooting_perform(struct service *service)
{
        struct rebooting *rebooting = service->rebooting;
        struct diag diag = {0};
        int r = 0;

        while (rebooting && rebooting->outcome && r == 0) {
                r = try(service, rebooting, &diag);
                if (r == 0)
                        wait_seconds(REBOOT_RETRY_SECONDS);
        }
        if (r < 0)
                log_reboot(rebooting->outcome, EVENT_REBOOT_NOT_PERFORMED, diag_text(&diag, r));
        /* Of one that comes the locks are kept to the end of this process. */
        if (rebooting && rebooting->outcome &&
            rebooting->outcome->reboot_phase != REBOOT_PHASE_REQUESTED) {
                rebooting_free(rebooting);
                service->rebooting = NULL;
        }
}
