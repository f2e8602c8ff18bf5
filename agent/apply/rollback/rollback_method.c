/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/rollback/rollback_method.h"

#include "apply/packages/truth.h"
#include "apply/reboot/reboot_look.h"
#include "apply/recovery.h"
#include "apply/rollback/rollback.h"
#include "apply/rollback/vetoes.h"
#include "apply/run/record.h"
#include "base/str.h"
#include "host/host.h"
#include "host/log.h"

#include <string.h>

/* Where its parts end, of PROGRESS_WHOLE. */
enum { ROLLBACK_PREPARED = 500, ROLLBACK_INSTALLED = 9800 };

/* One request. */
struct rollback {
        struct service *service;
        char *run_id;
        const struct request *request;
        struct inventory *inventory;
        struct installer installer;
        struct outcome *source; /* the run that is rolled back */
        struct outcome *outcome;
        struct undo undo;
        char *digest; /* of the plan */
};

static void rollback_done(struct rollback *rollback)
{
        undo_done(&rollback->undo);
        outcome_free(rollback->source);
        outcome_free(rollback->outcome);
        installer_done(&rollback->installer);
        inventory_free(rollback->inventory);
        free(rollback->digest);
        free(rollback->run_id);
}

/* ---- which run ---- */

static bool was_done(const struct outcome_package *package)
{
        return package->result == PACKAGE_UPDATED || package->result == PACKAGE_INSTALLED;
}

/* What a run brought is still there: it can be rolled back. */
static bool is_in_place(const struct inventory *inventory, const struct outcome_package *package)
{
        return was_done(package) && truth_is_installed(inventory, package->name, package->arch,
                                                       package->version_to, NULL);
}

static bool has_anything(const struct inventory *inventory, const struct outcome *outcome)
{
        for (size_t i = 0; i < outcome->n_packages; i++)
                if (is_in_place(inventory, &outcome->packages[i]))
                        return true;
        return false;
}

static int find_last(struct rollback *rollback, struct diag *diag)
{
        struct outcome **outcomes = NULL;
        size_t n = 0;
        int r = apply_state_outcomes(rollback->service->paths, &outcomes, &n, diag);

        for (size_t i = 0; r >= 0 && i < n; i++) {
                if (!rollback->source && has_anything(rollback->inventory, outcomes[i]))
                        rollback->source = TAKE_PTR(outcomes[i]);
                outcome_free(outcomes[i]);
        }
        free(outcomes);
        if (r >= 0 && !rollback->source)
                return diag_fail(diag, -ENOENT,
                                 "there is no run whose packages could be rolled back");
        return r;
}

static int find_run(struct rollback *rollback, struct diag *diag)
{
        const char *run_id = rollback->request->run_id;
        int r;

        if (!run_id)
                return find_last(rollback, diag);
        r = apply_state_outcome(rollback->service->paths, run_id, &rollback->source, diag);
        if (r == -ENOENT) {
                diag_clear(diag);
                return diag_fail(diag, r, "there is no run %s; see patchctl history", run_id);
        }
        return r;
}

/* ---- what is to be done ---- */

static int copy_text(const char *text, char **ret)
{
        *ret = text ? strdup(text) : NULL;
        return text && !*ret ? -ENOMEM : 0;
}

static int add_package(struct rollback *rollback, const struct outcome_package *source)
{
        struct outcome_package *package = outcome_add_package(rollback->outcome);
        int r = package ? copy_text(source->name, &package->name) : -ENOMEM;

        if (r >= 0)
                r = copy_text(source->arch, &package->arch);
        if (r >= 0)
                r = copy_text(source->version_from, &package->version_from);
        if (r >= 0)
                r = copy_text(source->version_to, &package->version_to);
        if (r < 0)
                return r;
        package->result = PACKAGE_ROLLED_BACK;
        package->message =
            str_format("an administrator rolled back run %s", rollback->source->run_id);
        return package->message ? 0 : -ENOMEM;
}

static int begin_outcome(struct rollback *rollback, time_t now)
{
        const struct outcome *source = rollback->source;
        struct outcome *outcome = rollback->outcome = calloc(1, sizeof(*rollback->outcome));
        int r = outcome ? 0 : -ENOMEM;

        if (r < 0)
                return r;
        outcome->run_id = TAKE_PTR(rollback->run_id);
        outcome->trigger = strdup(ROLLBACK_TRIGGER);
        outcome->policy_version = source->policy_version;
        outcome->started_at = now;
        /* As if interrupted, until it is done. */
        outcome->result = RUN_INTERRUPTED;
        if (!outcome->run_id || !outcome->trigger)
                return -ENOMEM;
        r = copy_text(source->policy_id, &outcome->policy_id);
        return r < 0 ? r : copy_text(source->baseline, &outcome->baseline);
}

/* A package that went on since would not come back to what it was. */
static int fill_outcome(struct rollback *rollback, struct diag *diag)
{
        const struct outcome *source = rollback->source;
        int r = begin_outcome(rollback, time(NULL));

        for (size_t i = 0; r >= 0 && i < source->n_packages; i++) {
                const struct outcome_package *package = &source->packages[i];
                CLEANUP(freep) char *found = NULL;

                if (!was_done(package) || undo_is_back(rollback->inventory, package, NULL))
                        continue;
                if (!truth_is_installed(rollback->inventory, package->name, package->arch,
                                        package->version_to, &found))
                        return diag_fail(diag, -EBADMSG,
                                         "%s is not at %s any more, which run %s brought: %s; roll "
                                         "back the later run first",
                                         package->name, package->version_to, source->run_id,
                                         found ?: "?");
                r = add_package(rollback, package);
        }
        if (r >= 0 && rollback->outcome->n_packages == 0)
                return diag_fail(diag, -ENOENT, "nothing of run %s is left to roll back",
                                 source->run_id);
        return r;
}

static int make_digest(struct rollback *rollback)
{
        CLEANUP(freep) char *lines = NULL, *text = NULL;
        char digest[SHA256_TEXT_SIZE];
        int r = strv_join(&rollback->undo.changes, "\n", &lines);

        if (r < 0)
                return r;
        text = str_format("%s\n%s", rollback->source->run_id, lines);
        r = text ? digest_of(text, strlen(text), digest) : -ENOMEM;
        if (r < 0)
                return r;
        rollback->digest = strdup(digest);
        return rollback->digest ? 0 : -ENOMEM;
}

/* Everything that can be known without changing a package. */
static int prepare(struct rollback *rollback, struct diag *diag)
{
        int r = truth_collect(&rollback->inventory, diag);

        if (r >= 0)
                r = installer_init(rollback->service, backend_for(rollback->inventory->format),
                                   &rollback->installer, diag);
        if (r >= 0)
                r = find_run(rollback, diag);
        if (r >= 0)
                r = fill_outcome(rollback, diag);
        if (r >= 0)
                r = rollback_plan(&rollback->installer, rollback->inventory, rollback->outcome,
                                  &rollback->undo, diag);
        return r < 0 ? r : make_digest(rollback);
}

/* ---- answers ---- */

static void write_item(const struct undo_item *item, struct json_writer *writer)
{
        json_begin_object(writer, NULL);
        json_add_string(writer, "name", item->package->name);
        json_add_string(writer, "arch", item->package->arch);
        json_add_string(writer, "version_now", item->package->version_to);
        json_add_string(writer, "version_back", item->package->version_from);
        json_add_string(writer, "kept", item->kept.origin);
        json_add_strings(writer, "notes", &item->kept.notes);
        json_end(writer);
}

static int answer_plan(const struct rollback *rollback, char **ret_answer)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;
        int r;

        json_begin_object(writer, NULL);
        json_add_string(writer, "state", "planned");
        json_begin_object(writer, "plan");
        json_add_string(writer, "run_id", rollback->source->run_id);
        json_add_string(writer, "digest", rollback->digest);
        json_begin_array(writer, "packages");
        for (size_t i = 0; i < rollback->undo.n_items; i++)
                write_item(&rollback->undo.items[i], writer);
        json_end(writer);
        json_add_strings(writer, "changes", &rollback->undo.changes);
        json_end(writer);
        json_end(writer);
        r = json_writer_finish(writer, false, &text);
        if (r < 0)
                return r;
        *ret_answer = varlink_reply_text(text, false);
        return *ret_answer ? 0 : -ENOMEM;
}

/* ---- doing it ---- */

static int judge(struct rollback *rollback)
{
        struct outcome *outcome = rollback->outcome;
        size_t n = 0;

        for (size_t i = 0; i < outcome->n_packages; i++)
                n += outcome->packages[i].result == PACKAGE_ROLLED_BACK;
        outcome->result = n == outcome->n_packages ? RUN_SUCCEEDED
                          : n > 0                  ? RUN_PARTIAL
                                                   : RUN_FAILED;
        outcome->finished_at = time(NULL);
        outcome->message = str_format("%zu of %zu packages of run %s are rolled back", n,
                                      outcome->n_packages, rollback->source->run_id);
        return outcome->message ? 0 : -ENOMEM;
}

static int carry_out(struct rollback *rollback, struct diag *diag)
{
        const struct paths *paths = rollback->service->paths;
        struct outcome *outcome = rollback->outcome;
        struct event_fields fields = {.run_id = outcome->run_id,
                                      .policy_id = outcome->policy_id,
                                      .policy_version = outcome->policy_version};
        int r = state_write_intent(paths, outcome, diag);

        if (r < 0)
                return r;
        log_event(EVENT_RUN_STARTED, &fields);
        service_enter(rollback->service, ROLLBACK_PREPARED, ROLLBACK_INSTALLED);
        r = rollback_carry_out(&rollback->installer, outcome, diag);
        service_enter(rollback->service, ROLLBACK_INSTALLED, PROGRESS_WHOLE);
        if (r >= 0)
                r = judge(rollback);
        if (r >= 0)
                service_progress(rollback->service, "verifying",
                                 "looking for what still uses old files");
        if (r >= 0)
                r = reboot_look_again(outcome);
        if (r >= 0)
                r = state_write_outcome(paths, outcome, diag);
        if (r >= 0)
                r = state_remove_intent(paths, outcome->run_id, diag);
        if (r < 0)
                return r;
        fields.result = enum_name(&run_result_names, (int)outcome->result);
        fields.reason = outcome->message;
        log_event(EVENT_RUN_FINISHED, &fields);
        service_enter(rollback->service, PROGRESS_WHOLE, PROGRESS_WHOLE);
        service_progress(rollback->service, "finished", outcome->message);
        return 0;
}

static int serve(struct rollback *rollback, char **ret_answer, struct diag *diag)
{
        const struct request *request = rollback->request;
        int r = prepare(rollback, diag);

        if (r < 0)
                return r;
        if (request->plan_only)
                return answer_plan(rollback, ret_answer);
        if (request->digest && strcmp(request->digest, rollback->digest) != 0)
                return diag_fail(diag, -EBADMSG,
                                 "the plan has changed since it was shown; look at it again");
        r = carry_out(rollback, diag);
        return r < 0 ? r : record_reply(rollback->outcome, ret_answer);
}

int rollback_handle(struct service *service, const struct request *request, char **ret_answer,
                    struct diag *diag)
{
        CLEANUP(rollback_done)
        struct rollback rollback = {.service = service, .request = request};
        CLEANUP(lock_holder_done) struct lock_holder holder = {0};
        CLEANUP(run_lock_done) struct run_lock lock = {.fd = -EBADF};
        time_t now = time(NULL);
        int r;

        rollback.run_id = host_new_run_id(now);
        if (!rollback.run_id)
                return -ENOMEM;
        r = run_lock_take(service->paths, rollback.run_id, now, &lock, &holder, diag);
        if (r == -EBUSY)
                *ret_answer = answer_already_running(holder.run_id, holder.since);
        if (r >= 0)
                service_begin_work(service, rollback.run_id, ROLLBACK_TRIGGER, now);
        if (r >= 0)
                r = recovery_run(service, now, diag);
        if (r >= 0)
                r = serve(&rollback, ret_answer, diag);
        service_end_work(service);
        return r;
}

int rollback_handle_clear_veto(struct service *service, const struct request *request,
                               char **ret_answer, struct diag *diag)
{
        CLEANUP(lock_holder_done) struct lock_holder holder = {0};
        CLEANUP(run_lock_done) struct run_lock lock = {.fd = -EBADF};
        size_t n = 0;
        int r = run_lock_take(service->paths, "clear-veto", time(NULL), &lock, &holder, diag);

        if (r == -EBUSY)
                *ret_answer = answer_already_running(holder.run_id, holder.since);
        if (r >= 0)
                r = vetoes_clear(service->paths, request->package, &n, diag);
        if (r < 0)
                return r;
        if (n == 0 && request->package)
                return diag_fail(diag, -ENOENT, "no version of %s is vetoed", request->package);
        log_line(LOG_LEVEL_NOTICE, "the veto of %s was cleared, asked by uid %u",
                 request->package ?: "all packages", (unsigned)service->peer_uid);
        *ret_answer = varlink_reply_text(NULL, false);
        return 0;
}
