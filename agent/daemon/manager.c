/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/manager.h"

#include "base/str.h"
#include "daemon/client.h"
#include "daemon/methods.h"
#include "daemon/schedule.h"
#include "daemon/server.h"
#include "daemon/watch.h"
#include "host/clock.h"
#include "host/log.h"
#include "host/store.h"

#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <systemd/sd-id128.h>
#include <time.h>

enum { DEFAULT_INTERVAL_SEC = 3600, OUTCOME_DELAY_SEC = 2, ASKED_DELAY_MAX_SEC = 60 };

#define WAKE_ACCURACY_USEC ((uint64_t)5 * 1000000)

/* A cycle somebody waits for beside the schedule; one is queued while another runs. */
struct asked {
        bool is_set;
        enum trigger trigger;
        time_t at;
};

struct manager {
        const struct paths *paths; /* borrowed */
        struct config *config;     /* NULL: could not be read yet */
        sd_event *event;
        struct server *server;
        struct watch *watch;
        struct client *client; /* the running cycle; NULL: none */
        sd_event_source *wake;
        struct schedule_facts facts;
        int64_t ended_boot_sec; /* facts.cycle_ended_at on a clock that nobody sets */
        struct asked asked;
        char *progress; /* parameters of Watch's next reply while a cycle runs */
        char *window_name, *config_error, *last_error;
        const char *last_poll_result;
};

static void dispatch(struct manager *manager);

/* ---- small parts ---- */

/* Printable, so that no text of others brings a line of its own into STATUS= or a log. */
static void replace_text(char **text, const char *new_text)
{
        CLEANUP(str_done) struct str clean = {0};
        char *copy = NULL;

        if (new_text)
                str_append_printable(&clean, new_text);
        if (new_text && str_take(&clean, &copy) < 0)
                copy = NULL;
        free(*text);
        *text = copy;
}

static uint32_t draw(void)
{
        uint32_t random = 0;

        (void)getrandom(&random, sizeof(random), GRND_NONBLOCK); /* 0 delays as well as any */
        return random;
}

static int64_t seconds_since_boot(void)
{
        struct timespec now = {0};

        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        return now.tv_sec;
}

static void notify_status(const struct manager *manager)
{
        char text[TIME_TEXT_SIZE];
        time_t next = schedule_next(&manager->facts, time(NULL)).at;

        if (manager->client)
                (void)sd_notify(0, "STATUS=A cycle is running.");
        else
                (void)sd_notifyf(0, "STATUS=%s%sNext cycle at %s.", manager->last_error ?: "",
                                 manager->last_error ? " " : "", time_to_rfc3339(next, text));
}

const struct paths *manager_paths(const struct manager *manager)
{
        return manager->paths;
}

char *manager_progress(const struct manager *manager)
{
        return manager->client && manager->progress ? strdup(manager->progress) : NULL;
}

struct daemon_status manager_status(const struct manager *manager)
{
        return (struct daemon_status){
            .started_at = manager->facts.started_at,
            .last_poll_at = manager->facts.cycle_ended_at,
            .last_poll_result = manager->last_poll_result,
            .next_poll_at = schedule_next_poll(&manager->facts, time(NULL)),
            .cycle_running = manager->client != NULL,
            .window_name = manager->window_name,
            .opens_at = manager->facts.opens_at,
            .closes_at = manager->facts.closes_at,
            .config_error = manager->config_error,
            .last_error = manager->last_error,
        };
}

/* ---- a cycle ---- */

static void tell_watchers(struct manager *manager, bool is_last)
{
        CLEANUP(freep) char *reply = NULL;

        if (!manager->progress || !server_has_watchers(manager->server))
                return;
        reply = varlink_reply_text(manager->progress, !is_last);
        if (reply)
                server_notify(manager->server, reply, is_last);
}

static void set_progress(struct manager *manager, const struct progress *progress)
{
        free(manager->progress);
        manager->progress = progress_to_text(progress);
}

static void set_state(struct manager *manager, const char *state, const char *text)
{
        const struct progress progress = progress_of(state, text);

        set_progress(manager, &progress);
}

static void on_progress(const struct progress *progress, void *context)
{
        struct manager *manager = context;

        set_progress(manager, progress);
        tell_watchers(manager, false);
}

/* What a cycle found out; without a result the window stays as it was known. */
static void take_result(struct manager *manager, const struct client_result *result)
{
        manager->facts.n_failures = result->reachable ? 0 : manager->facts.n_failures + 1;
        manager->facts.retry_after_sec = result->retry_after_sec;
        manager->last_poll_result = result->reachable    ? "ok"
                                    : result->has_result ? "unreachable"
                                                         : "failed";
        replace_text(&manager->last_error, result->error);
        if (!result->has_result)
                return;
        replace_text(&manager->window_name, result->window_name);
        manager->facts.opens_at = result->opens_at;
        manager->facts.closes_at = result->closes_at;
}

static void end_cycle(struct manager *manager, const struct client_result *result)
{
        manager->facts.cycle_ended_at = time(NULL);
        manager->ended_boot_sec = seconds_since_boot();
        manager->facts.random = draw();
        take_result(manager, result);
        if (!result->has_result)
                log_line(LOG_LEVEL_ERROR, "%s", result->error);
        notify_status(manager);
}

static void on_finished(const struct client_result *result, void *context)
{
        struct manager *manager = context;

        set_state(manager, "finished", result->error ?: result->status ?: "");
        end_cycle(manager, result);
        tell_watchers(manager, true);
        client_free(TAKE_PTR(manager->client));
        dispatch(manager);
}

static void start_cycle(struct manager *manager, enum trigger trigger)
{
        const struct client_events events = {
            .on_progress = on_progress, .on_finished = on_finished, .context = manager};
        struct diag diag = {0};
        int r;

        manager->asked.is_set = false;
        manager->facts.cycle_began_at = time(NULL);
        watch_retry(manager->watch);
        set_state(manager, "started", enum_name(&trigger_names, (int)trigger));
        log_line(LOG_LEVEL_DEBUG, "Asking for a cycle, trigger=%s.",
                 enum_name(&trigger_names, (int)trigger));
        r = client_start(manager->event, manager->paths->cycle_socket, trigger, &events,
                         &manager->client, &diag);
        if (r < 0)
                end_cycle(manager, &(struct client_result){.error = diag_text(&diag, r)});
        else
                notify_status(manager);
}

/* ---- when ---- */

static void log_window(const struct manager *manager, enum wake_reason reason)
{
        const struct event_fields fields = {.reason = manager->window_name};

        if (reason == WAKE_OPENING)
                log_event(EVENT_WINDOW_OPENED, &fields);
        if (reason == WAKE_CLOSING)
                log_event(EVENT_WINDOW_CLOSED, &fields);
}

static void arm(struct manager *manager, time_t delay_sec)
{
        int r = sd_event_source_set_time_relative(manager->wake, (uint64_t)delay_sec * 1000000);

        if (r >= 0)
                r = sd_event_source_set_enabled(manager->wake, SD_EVENT_ONESHOT);
        if (r < 0) /* without its timer the daemon is of no use; systemd starts it anew */
                (void)sd_event_exit(manager->event, r);
}

/* Starts what is due, else sleeps until something is. */
static void dispatch(struct manager *manager)
{
        while (!manager->client) {
                time_t now = time(NULL);
                struct wake wake;

                schedule_follow_clock(&manager->facts, now,
                                      seconds_since_boot() - manager->ended_boot_sec);
                wake = schedule_next(&manager->facts, now);
                if (manager->asked.is_set && manager->asked.at > now + ASKED_DELAY_MAX_SEC)
                        manager->asked.at = now; /* the clock was set back */
                if (manager->asked.is_set && manager->asked.at < wake.at)
                        wake = (struct wake){.at = manager->asked.at,
                                             .reason = WAKE_POLL,
                                             .trigger = manager->asked.trigger};
                if (wake.at > now) {
                        arm(manager, wake.at - now);
                        return;
                }
                log_window(manager, wake.reason);
                start_cycle(manager, wake.trigger);
        }
}

static void ask(struct manager *manager, enum trigger trigger, time_t delay_sec)
{
        if (!manager->asked.is_set)
                manager->asked = (struct asked){
                    .is_set = true, .trigger = trigger, .at = time(NULL) + delay_sec};
        dispatch(manager);
}

static int on_wake(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source;
        (void)usec;
        dispatch(userdata);
        return 0;
}

static void on_change(enum watch_kind kind, void *context)
{
        static const enum trigger triggers[] = {
            [WATCH_OUTCOME] = TRIGGER_OUTCOME, [WATCH_RESUMED] = TRIGGER_RELOAD};

        if (kind == WATCH_CLOCK)
                dispatch(context);
        else
                ask(context, triggers[kind], OUTCOME_DELAY_SEC);
}

/* ---- configuration ---- */

static uint64_t node_hash(const struct config *config)
{
        char text[SD_ID128_STRING_MAX] = "";
        sd_id128_t id;

        if (config && config->node_id)
                return schedule_hash(config->node_id);
        if (sd_id128_get_machine(&id) >= 0)
                (void)sd_id128_to_string(id, text);
        return schedule_hash(text);
}

static int load_config(struct manager *manager)
{
        struct config *config = NULL;
        struct diag diag = {0};
        int r = config_load(manager->paths, &config, &diag);

        if (r < 0) {
                replace_text(&manager->config_error, diag_text(&diag, r));
                log_line(LOG_LEVEL_ERROR, "%s%s", manager->config_error ?: "out of memory",
                         manager->config ? "; the configuration in use stays" : "");
                return r;
        }
        replace_text(&manager->config_error, NULL);
        config_free(manager->config);
        manager->config = config;
        log_open("patchd", config->log_level);
        manager->facts.interval_sec = config->poll_interval_minutes * 60;
        manager->facts.node_hash = node_hash(config);
        return 0;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        struct manager *manager = userdata;
        int r;

        (void)source;
        (void)info;
        (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
                         (unsigned long long)clock_now_usec());
        r = load_config(manager);
        if (r >= 0) {
                log_line(LOG_LEVEL_INFO, "The configuration was read again.");
                ask(manager, TRIGGER_RELOAD, 0);
        }
        (void)sd_notify(0, "READY=1");
        notify_status(manager);
        return 0;
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info,
                        void *userdata)
{
        (void)info;
        (void)userdata;
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

/* ---- beginning and end ---- */

static const struct {
        int number;
        sd_event_signal_handler_t handler;
} signals[] = {{SIGTERM, on_terminate}, {SIGINT, on_terminate}, {SIGHUP, on_reload}};

static int add_signals(struct manager *manager, struct diag *diag)
{
        sigset_t mask;
        int r = 0;

        (void)sigemptyset(&mask);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void)sigaddset(&mask, signals[i].number);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return diag_fail(diag, -errno, "cannot block signals: %m");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(signals); i++)
                r = sd_event_add_signal(manager->event, NULL, signals[i].number, signals[i].handler,
                                        manager);
        return r < 0 ? diag_fail(diag, r, "cannot take signals: %s", strerror(-r)) : 0;
}

static int add_event_loop(struct manager *manager, struct diag *diag)
{
        int r;

        r = sd_event_new(&manager->event);
        if (r >= 0)
                r = sd_event_set_watchdog(manager->event, true);
        /* CLOCK_BOOTTIME goes on while the machine sleeps, and nobody can set it back */
        if (r >= 0)
                r = sd_event_add_time_relative(manager->event, &manager->wake, CLOCK_BOOTTIME, 0,
                                               WAKE_ACCURACY_USEC, on_wake, manager);
        if (r < 0)
                return diag_fail(diag, r, "cannot make an event loop: %s", strerror(-r));
        return add_signals(manager, diag);
}

/* Creates the file, and moves a damaged one aside. A report of an earlier life needs no hurry. */
static void look_into_store(struct manager *manager)
{
        CLEANUP(store_closep) struct store *store = NULL;
        CLEANUP(freep) char *report = NULL;
        bool is_damaged = false;
        struct diag diag = {0};
        int r = store_open(manager->paths->state, false, &store, &is_damaged, &diag);

        if (r < 0 || is_damaged)
                log_event(EVENT_STATE_PROBLEM,
                          &(struct event_fields){
                              .reason = r < 0 ? diag_text(&diag, r)
                                              : "patchd.sqlite was damaged; it is moved aside, and "
                                                "history and spooled reports begin anew"});
        manager->facts.has_report = r >= 0 && store_get_report(store, &report, NULL) >= 0;
}

int manager_new(const struct paths *paths, int listen_fd, struct manager **ret, struct diag *diag)
{
        CLEANUP(closep) int fd = listen_fd;
        CLEANUP(manager_freep) struct manager *manager = calloc(1, sizeof(*manager));
        int r;

        if (!manager)
                return -ENOMEM;
        manager->paths = paths;
        manager->facts = (struct schedule_facts){.interval_sec = DEFAULT_INTERVAL_SEC,
                                                 .node_hash = node_hash(NULL),
                                                 .random = draw(),
                                                 .started_at = time(NULL)};
        r = add_event_loop(manager, diag);
        if (r < 0)
                return r;
        (void)load_config(manager);
        look_into_store(manager);
        r = watch_new(manager->event, paths->apply_state, on_change, manager, &manager->watch,
                      diag);
        if (r >= 0 && fd < 0)
                r = server_bind(paths->agent_socket, &fd, diag);
        if (r >= 0)
                r = server_new(manager->event, TAKE_FD(fd), methods_answer, manager,
                               &manager->server, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(manager);
        return 0;
}

void manager_free(struct manager *manager)
{
        if (!manager)
                return;
        client_free(manager->client);
        server_free(manager->server);
        watch_free(manager->watch);
        (void)sd_event_source_disable_unref(manager->wake);
        (void)sd_event_unref(manager->event);
        config_free(manager->config);
        free(manager->progress);
        free(manager->window_name);
        free(manager->config_error);
        free(manager->last_error);
        free(manager);
}

int manager_run(struct manager *manager, struct diag *diag)
{
        int r;

        (void)sd_notify(0, "READY=1");
        notify_status(manager);
        dispatch(manager);
        r = sd_event_loop(manager->event);
        (void)sd_notify(0, "STOPPING=1");
        return r < 0 ? diag_fail(diag, r, "the event loop failed: %s", strerror(-r)) : 0;
}
