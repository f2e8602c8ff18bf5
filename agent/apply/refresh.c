/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/refresh.h"

#include "apply/packages/installer.h"
#include "apply/packages/truth.h"
#include "apply/recovery.h"
#include "apply/state.h"
#include "base/str.h"
#include "host/log.h"

#include <string.h>

#define LAST_FILE "refresh.json"

/* The caller on the daemon's socket is not trusted with the network's bandwidth. */
enum { REFRESH_MIN_SECONDS = 600, REFRESH_RETRY_MIN_SECONDS = 60 };

/* ---- the reply, which is kept as the last result ---- */

static int write_result(const struct backend_refresh *refresh, time_t now, char **ret)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();

        json_begin_object(writer, NULL);
        json_begin_array(writer, "repositories");
        for (size_t i = 0; i < refresh->n_items; i++) {
                json_begin_object(writer, NULL);
                json_add_string(writer, "repository", refresh->items[i].repository);
                json_add_bool(writer, "ok", refresh->items[i].is_fresh);
                json_add_string(writer, "text", refresh->items[i].text);
                json_end(writer);
        }
        json_end(writer);
        json_add_bool(writer, "ok", refresh->is_ok);
        json_add_string(writer, "text", refresh->text);
        json_add_time(writer, "finished_at", now);
        json_end(writer);
        return json_writer_finish(writer, false, ret);
}

/* The last result when it is too early for another; NULL: go ahead. */
static int last_result(struct service *service, time_t now, char **ret)
{
        CLEANUP(json_freep) struct json *last = NULL;
        time_t age;
        bool is_ok;
        int r = state_read_json(service->paths, LAST_FILE, &last);

        *ret = NULL;
        if (r < 0 || !last || service->peer_uid == 0)
                return r;
        age = now - json_get_time(last, "finished_at");
        is_ok = json_get_bool(last, "ok", false);
        if (age < 0 || age >= (is_ok ? REFRESH_MIN_SECONDS : REFRESH_RETRY_MIN_SECONDS))
                return 0;
        return json_to_text(last, ret);
}

/* ---- the work ---- */

static int configured_repositories(const struct inventory *inventory, struct strv *ret)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < inventory->n_indexes; i++)
                if (!strv_contains(ret, inventory->indexes[i]->repository))
                        r = strv_add(ret, inventory->indexes[i]->repository);
        return r;
}

static void log_failures(const struct backend_refresh *refresh)
{
        for (size_t i = 0; i < refresh->n_items; i++) {
                CLEANUP(freep) char *reason = NULL;
                struct event_fields fields = {.result = "failed"};

                if (refresh->items[i].is_fresh)
                        continue;
                reason = str_format("%s: %s", refresh->items[i].repository, refresh->items[i].text);
                fields.reason = reason;
                log_event(EVENT_REFRESH_FAILED, &fields);
        }
}

static int fetch(struct service *service, struct backend_refresh *ret, struct diag *diag)
{
        CLEANUP(inventory_freep) struct inventory *inventory = NULL;
        CLEANUP(strv_done) struct strv repositories = {0};
        CLEANUP(installer_done) struct installer installer = {0};
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        int r = truth_collect(&inventory, diag);

        if (r >= 0)
                r = configured_repositories(inventory, &repositories);
        if (r >= 0)
                r = installer_init(service, backend_for(inventory->format), &installer, diag);
        if (r < 0)
                return r;
        service_progress(service, "refreshing", "fetching the package indexes");
        r = installer_run(&installer, BACKEND_REFRESH, &result, diag);
        if (r < 0)
                return r;
        r = installer.backend->parse_refresh(result.output.data ?: "",
                                             result.error_output.data ?: "",
                                             installer_succeeded(&result), &repositories, ret);
        if (r >= 0 && !ret->is_ok && !ret->text && result.timed_out)
                ret->text = spawn_describe(&result);
        return r;
}

/* First sightings are read from what is there now, stamps are of now. */
static int record(struct service *service, const struct backend_refresh *refresh, time_t now,
                  struct diag *diag)
{
        CLEANUP(inventory_freep) struct inventory *inventory = NULL;
        int r = truth_collect(&inventory, diag);

        if (r >= 0)
                r = state_append_ledger(service->paths, inventory, diag);
        return r < 0 ? r : state_write_stamps(service->paths, refresh, now, diag);
}

static int refresh_now(struct service *service, time_t now, char **ret, struct diag *diag)
{
        CLEANUP(backend_refresh_done) struct backend_refresh refresh = {0};
        int r = fetch(service, &refresh, diag);

        if (r < 0)
                return r;
        log_failures(&refresh);
        r = record(service, &refresh, now, diag);
        if (r >= 0)
                r = write_result(&refresh, now, ret);
        return r < 0 ? r : state_write_text(service->paths, LAST_FILE, *ret, diag);
}

int refresh_handle(struct service *service, const struct request *request, char **ret_answer,
                   struct diag *diag)
{
        CLEANUP(lock_holder_done) struct lock_holder holder = {0};
        CLEANUP(run_lock_done) struct run_lock lock = {.fd = -EBADF};
        CLEANUP(freep) char *result = NULL;
        time_t now = time(NULL);
        int r;

        (void)request;
        r = run_lock_take(service->paths, "refresh", now, &lock, &holder, diag);
        if (r == -EBUSY)
                *ret_answer = answer_already_running(holder.run_id, holder.since);
        if (r >= 0)
                service_begin_work(service, "refresh", "refresh", now);
        if (r >= 0)
                r = last_result(service, now, &result);
        if (r >= 0 && !result)
                r = recovery_run(service, now, diag);
        if (r >= 0 && !result)
                r = refresh_now(service, now, &result, diag);
        service_end_work(service);
        if (r < 0)
                return r;
        *ret_answer = varlink_reply_text(result, false);
        return 0;
}
