/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/status.h"

#include "base/json.h"
#include "base/str.h"
#include "host/clock.h"
#include "host/files.h"
#include "host/running.h"
#include "host/store.h"

#include <string.h>

enum { PAUSE_MAX_BYTES = 4096 };

/* pause.json {paused_at, until|null, by} is the helper's; one that can't be read still pauses, as
 * it does for the helper. */
static void add_pause(struct json_writer *writer, const struct paths *paths, time_t now)
{
        CLEANUP(freep) char *path = str_format("%s/pause.json", paths->apply_state);
        CLEANUP(blob_done) struct blob bytes = {0};
        CLEANUP(json_freep) struct json *pause = NULL;
        time_t until = 0;
        int r;

        r = path ? files_read(path, PAUSE_MAX_BYTES, true, &bytes, NULL) : -ENOMEM;
        if (r >= 0 && json_parse(bytes.data, bytes.size, &pause, NULL) >= 0)
                until = json_get_time(pause, "until");
        if (r == -ENOENT || (until > 0 && until <= now)) {
                json_add_null(writer, "paused");
                return;
        }
        json_begin_object(writer, "paused");
        json_add_time(writer, "until", until);
        json_end(writer);
}

static void add_running(struct json_writer *writer, const struct paths *paths)
{
        CLEANUP(running_done) struct running running = {0};

        if (running_read(paths, &running, NULL) <= 0) {
                json_add_null(writer, "running");
                return;
        }
        json_begin_object(writer, "running");
        running_write(&running, writer);
        json_end(writer);
}

static void add_window(struct json_writer *writer, const struct daemon_status *status, time_t now)
{
        if (!status->window_name) {
                json_add_null(writer, "window");
                return;
        }
        json_begin_object(writer, "window");
        json_add_string(writer, "name", status->window_name);
        json_add_bool(writer, "open", now >= status->opens_at && now < status->closes_at);
        json_add_time(writer, "opens_at", status->opens_at);
        json_add_time(writer, "closes_at", status->closes_at);
        json_end(writer);
}

static void add_spool(struct json_writer *writer, struct store *store)
{
        size_t n_reports = 0;
        int64_t n_dropped = 0;

        if (!store || store_spool_size(store, &n_reports, &n_dropped, NULL) < 0) {
                json_add_null(writer, "spool");
                return;
        }
        json_begin_object(writer, "spool");
        json_add_int(writer, "reports", (int64_t)n_reports);
        json_add_int(writer, "dropped", n_dropped);
        json_end(writer);
}

static int daemon_text(const struct daemon_status *status, const struct paths *paths,
                       struct store *store, time_t now, char **ret)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();

        json_begin_object(writer, NULL);
        json_add_string(writer, "version", PATCHD_VERSION);
        json_add_time(writer, "started_at", status->started_at);
        json_add_time(writer, "last_poll_at", status->last_poll_at);
        json_add_string(writer, "last_poll_result", status->last_poll_result);
        json_add_time(writer, "next_poll_at", status->next_poll_at);
        json_add_bool(writer, "cycle_running", status->cycle_running);
        json_add_string(writer, "clock", clock_state());
        add_spool(writer, store);
        add_running(writer, paths);
        add_pause(writer, paths, now);
        add_window(writer, status, now);
        json_add_string(writer, "config_error", status->config_error);
        json_add_string(writer, "last_error", status->last_error);
        json_end(writer);
        return json_writer_finish(writer, false, ret);
}

/* The report is pasted as text; it may be large, and the cycle wrote it as JSON. */
int status_text(const struct daemon_status *status, const struct paths *paths, struct store *store,
                time_t now, char **ret, struct diag *diag)
{
        CLEANUP(freep) char *report = NULL, *daemon = NULL;
        char *text;
        int r;

        r = store ? store_get_report(store, &report, diag) : -ENOENT;
        if (r < 0 && r != -ENOENT)
                return r;
        r = daemon_text(status, paths, store, now, &daemon);
        if (r < 0)
                return r;
        text = str_format("{\"status\":{\"report\":%s,\"daemon\":%s}}", report ?: "null", daemon);
        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}
