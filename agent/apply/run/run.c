/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/run/run.h"

#include "apply/reboot/reboot_need.h"
#include "apply/recovery.h"
#include "apply/run/boot_room.h"
#include "apply/run/builds.h"
#include "apply/run/feed_intake.h"
#include "apply/run/guard.h"
#include "apply/run/operation.h"
#include "apply/run/record.h"
#include "apply/run/resolver.h"
#include "apply/run/steps.h"
#include "apply/trust.h"
#include "base/str.h"
#include "host/log.h"

#include <string.h>

enum { DOWNLOAD_RETRY_MIN_SECONDS = 60 };

static void run_done(struct run *run)
{
        plan_free(run->plan);
        judgement_free(run->judgement);
        advisories_free(run->advisories);
        strv_done(&run->lacking);
        policy_free(run->policy);
        installer_done(&run->installer);
        root_done(&run->root);
        config_free(run->config);
        outcome_free(run->outcome);
        free(run->items);
        estimates_done(&run->estimates);
        old_kernels_done(&run->old_kernels);
        free(run->refusal);
        free(run->trouble);
        free(run->answer);
}

/* ---- what may stop it ---- */

char *run_stop_reason(const struct run *run)
{
        time_t now = time(NULL), until = 0;
        bool is_paused = false;

        if (run->trouble)
                return strdup(run->trouble);
        if (service_should_stop())
                return strdup("not started: the helper was asked to stop");
        if (apply_state_pause(run->service->paths, now, &is_paused, &until, NULL) < 0 || is_paused)
                return strdup("not started: an administrator paused the node");
        if (!run->ignores_window && run->opening.cutoff_at > 0 && now >= run->opening.cutoff_at)
                return strdup("not started: no time is left in the window");
        return strdup("");
}

static const struct assignment *assignment_of(const struct run *run)
{
        return run->judgement->decisions->assignment;
}

/* Gives -EPERM and the error reply. */
static int check_window(struct run *run, time_t now)
{
        const struct window *window = assignment_of(run) ? assignment_of(run)->window : NULL;
        struct opening opening = {0};

        if (window && window_next(window, now, &opening) && window_is_open(&opening, now)) {
                run->opening = opening;
                return 0;
        }
        if (run->ignores_window)
                return 0;
        run->answer = answer_window_closed(opening.opens_at);
        return -EPERM;
}

static int check_pause(struct run *run)
{
        const struct local_limits *limits = &run->judgement->limits;

        if (!limits->is_paused)
                return 0;
        run->answer = answer_paused(limits->paused_until);
        return -EPERM;
}

/* ---- the stages ---- */

static int take_in_feeds(struct run *run, time_t now, struct diag *diag)
{
        struct node node CLEANUP(node_done) = {0};
        int r = host_node(&run->root, run->config, NULL, "", &node, diag);

        return r < 0 ? r
                     : feed_intake(run->service->paths, run->policy, &node, now, &run->advisories,
                                   &run->lacking);
}

static int judge(struct run *run, time_t now, struct diag *diag)
{
        struct judge_options options = {.paths = run->service->paths,
                                        .config = run->config,
                                        .root = &run->root,
                                        .policy = run->policy,
                                        .problems = &run->lacking,
                                        .now = now,
                                        .use_apply_state = true};
        int r = run->policy->n_feeds > 0 ? take_in_feeds(run, now, diag) : 0;

        if (r < 0)
                return r;
        options.advisories = run->advisories;
        return judge_host(&options, &run->judgement, diag);
}

static int plan(struct run *run, struct diag *diag)
{
        struct plan_request request = {.packages = run->request->packages,
                                       .n_packages = run->request->n_packages,
                                       .all = !run->request->has_packages};
        CLEANUP(freep) struct package_note *notes = NULL;
        int r = installer_init(run->service, backend_for(run->judgement->inventory->format),
                               &run->installer, diag);

        if (r >= 0)
                r = resolver_ask(run, diag);
        if (r >= 0)
                r = operation_narrow(run, &request, &notes);
        if (r >= 0)
                r = plan_build(run->judgement->decisions, &request, &run->plan);
        return r < 0 ? r : record_plan(run);
}

/* A host with broken dependencies makes every call fail: found once, named for every package. */
static int check_host(struct run *run, char **ret_text, struct diag *diag)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        const struct inventory *inventory = run->judgement->inventory;
        CLEANUP(freep) char *call = NULL;
        int r = 0;

        if (inventory->interrupted && !run->downloads_only)
                r = installer_repair(&run->installer, diag);
        if (r >= 0)
                r = installer_run(&run->installer, BACKEND_CHECK, &result, diag);
        if (r < 0 || installer_succeeded(&result))
                return r;
        call = installer_lock_holder(&run->installer, &result);
        if (call) {
                *ret_text = str_format("nothing was changed: %s", call);
                return *ret_text ? 0 : -ENOMEM;
        }
        call = spawn_describe(&result);
        *ret_text = str_format("nothing was changed, because the package manager finds this host "
                               "broken: %s; repair it by hand",
                               inventory->broken.n_items > 0 ? inventory->broken.items[0]
                                                             : call ?: "?");
        return *ret_text ? 0 : -ENOMEM;
}

static void prune(const struct run *run)
{
        CLEANUP(freep) const struct plan_item **keep = calloc(run->n_items + 1, sizeof(*keep));
        size_t n = 0;

        for (size_t i = 0; keep && i < run->n_items; i++)
                if (run->outcome->packages[i].result == PACKAGE_FAILED ||
                    run->outcome->packages[i].result == PACKAGE_SKIPPED)
                        keep[n++] = run->items[i];
        if (keep)
                builds_prune(run, keep, n);
}

/* What can be found out without changing a package: a broken host, a full disk, archives that
 * can't be had. *ret_is_over: every package has failed for one reason. */
static int prepare(struct run *run, bool *ret_is_over, struct diag *diag)
{
        CLEANUP(freep) char *broken = NULL;
        struct diag why = {0};
        int r = check_host(run, &broken, &why);

        if (r >= 0 && !broken)
                r = steps_download(run, &why);
        if (r < 0 && r != -ENOSPC)
                return diag_fail(diag, r, "%s", diag_text(&why, r));
        *ret_is_over = broken || r == -ENOSPC;
        return *ret_is_over ? record_fail_all(run, broken ?: diag_text(&why, r)) : 0;
}

static void tell_end(struct run *run)
{
        service_enter(run->service, PROGRESS_WHOLE, PROGRESS_WHOLE);
        service_progress(run->service, "finished", run->outcome->message);
}

/* From the intent on disk to the outcome on disk. */
static int carry_out(struct run *run, struct diag *diag)
{
        bool is_over = false;
        int r = 0;

        record_log(run, EVENT_RUN_STARTED);
        if (run->n_items > 0)
                r = prepare(run, &is_over, diag);
        if (r >= 0)
                r = operation_begin(run, diag);
        if (r >= 0 && run->n_items > 0 && !is_over)
                r = boot_room_plan(run);
        if (r >= 0 && run->n_items > 0 && !is_over)
                r = state_write_intent(run->service->paths, run->outcome, diag);
        if (r >= 0 && run->n_items > 0 && !is_over)
                r = guard_run_steps(run, diag);
        service_enter(run->service, RUN_INSTALLED, PROGRESS_WHOLE);
        if (r >= 0)
                r = reboot_need_judge(run);
        if (r < 0)
                return r;
        prune(run);
        r = record_finish(run, diag);
        if (r >= 0)
                tell_end(run);
        return r < 0 ? r : operation_end(run, diag);
}

static int download(struct run *run, struct diag *diag)
{
        struct builds_result builds = {0};
        int r = run->n_items > 0 ? steps_download(run, diag) : 0;

        if (r >= 0)
                r = builds_read(run, &builds, diag);
        if (r >= 0)
                r = record_downloads(run, &builds, diag);
        if (r >= 0)
                tell_end(run);
        return r;
}

static int decide(struct run *run, time_t now, struct diag *diag)
{
        int r = judge(run, now, diag);

        if (r >= 0)
                r = record_begin(run, now);
        if (r >= 0 && run->request->operation)
                r = operation_admit(run, now);
        if (r < 0 || run->answer)
                return r;
        if (run->operation && run->operation->action == OPERATION_SCAN)
                return operation_do_scan(run, diag);
        r = check_pause(run);
        if (r >= 0 && !run->judgement->decisions->may_apply) {
                CLEANUP(freep) char *reasons = NULL;

                r = strv_join(&run->judgement->decisions->apply_refusals, "; ", &reasons);
                return r < 0 ? r : record_refusal(run, reasons);
        }
        if (r >= 0 && !run->downloads_only)
                r = check_window(run, now);
        if (r >= 0 && run->operation && run->operation->action == OPERATION_REBOOT)
                return operation_do_reboot(run, diag);
        return r < 0 ? r : plan(run, diag);
}

static int execute(struct run *run, struct diag *diag)
{
        time_t now = time(NULL);
        int r = config_load(run->service->paths, &run->config, diag);

        if (r >= 0)
                r = root_open("/", &run->root, diag);
        if (r >= 0)
                r = trust_policy(run->service->paths, run->config, &run->request->envelope, now,
                                 &run->policy, &run->answer, diag);
        if (r >= 0)
                r = decide(run, now, diag);
        if (r < 0 || run->answer)
                return r;
        return run->downloads_only ? download(run, diag) : carry_out(run, diag);
}

/* ---- entry ---- */

/* Asked again, a finished run is not done again: its outcome is given. */
static int attach(struct run *run)
{
        CLEANUP(outcome_freep) struct outcome *outcome = NULL;
        int r = apply_state_outcome(run->service->paths, run->run_id, &outcome, NULL);

        if (r == -ENOENT)
                return 0;
        return r < 0 ? r : record_answer(run, outcome);
}

/* The daemon's user can't make us fetch again and again what could not be fetched. */
static int hold_off(struct run *run)
{
        CLEANUP(outcome_freep) struct outcome *last = NULL;
        time_t age;
        int r = record_last_download(run->service->paths, &last);

        if (r < 0 || !last || run->service->peer_uid == 0 || !run->downloads_only)
                return r;
        age = time(NULL) - last->finished_at;
        if (last->result == RUN_SUCCEEDED || age < 0 || age >= DOWNLOAD_RETRY_MIN_SECONDS)
                return 0;
        return record_answer(run, last);
}

static int start(struct run *run, char **ret_answer, struct diag *diag)
{
        CLEANUP(lock_holder_done) struct lock_holder holder = {0};
        CLEANUP(run_lock_done) struct run_lock lock = {.fd = -EBADF};
        time_t now = time(NULL);
        int r = run_lock_take(run->service->paths, run->run_id, now, &lock, &holder, diag);

        if (r == -EBUSY)
                run->answer = answer_already_running(holder.run_id, holder.since);
        if (r >= 0)
                service_begin_work(run->service, run->run_id, run->trigger, now);
        if (r >= 0)
                r = recovery_run(run->service, now, diag);
        if (r >= 0)
                r = attach(run);
        if (r >= 0 && !run->answer && run->request->operation)
                r = operation_attach(run, diag);
        if (r >= 0 && !run->answer)
                r = hold_off(run);
        if (r >= 0 && !run->answer)
                r = execute(run, diag);
        service_end_work(run->service);
        *ret_answer = TAKE_PTR(run->answer);
        return r;
}

int run_handle_apply(struct service *service, const struct request *request, char **ret_answer,
                     struct diag *diag)
{
        CLEANUP(freep)
        char *trigger =
            request->operation ? operation_trigger(request->operation) : strdup("window");
        CLEANUP(run_done)
        struct run run = {.service = service,
                          .request = request,
                          .run_id = request->run_id,
                          .trigger = trigger,
                          .root = {.fd = -EBADF}};

        if (!trigger)
                return -ENOMEM;
        if (request->operation && request->has_packages) {
                *ret_answer = answer_error("InvalidRequest",
                                           "packages: an operation's are those of the policy");
                return 0;
        }
        return start(&run, ret_answer, diag);
}

int run_handle_download(struct service *service, const struct request *request, char **ret_answer,
                        struct diag *diag)
{
        CLEANUP(run_done)
        struct run run = {.service = service,
                          .request = request,
                          .run_id = request->run_id,
                          .trigger = "download",
                          .downloads_only = true,
                          .root = {.fd = -EBADF}};

        return start(&run, ret_answer, diag);
}

int run_handle_apply_now(struct service *service, const struct request *request, char **ret_answer,
                         struct diag *diag)
{
        CLEANUP(freep) char *run_id = host_new_run_id(time(NULL));
        CLEANUP(run_done)
        struct run run = {.service = service,
                          .request = request,
                          .run_id = run_id,
                          .trigger = "apply-now",
                          .ignores_window = request->now,
                          .downloads_only = request->download_only,
                          .root = {.fd = -EBADF}};

        return run_id ? start(&run, ret_answer, diag) : -ENOMEM;
}
