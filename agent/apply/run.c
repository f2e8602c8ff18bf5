/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/run.h"

#include "apply/archives.h"
#include "apply/recovery.h"
#include "apply/steps.h"
#include "apply/trust.h"
#include "apply/truth.h"
#include "base/str.h"
#include "host/log.h"

#include <string.h>

static void run_done(struct run *run)
{
        plan_free(run->plan);
        judgement_free(run->judgement);
        policy_free(run->policy);
        manager_done(&run->manager);
        root_done(&run->root);
        config_free(run->config);
        outcome_free(run->outcome);
        free(run->items);
        free(run->answer);
}

/* ---- what may stop it ---- */

char *run_stop_reason(const struct run *run)
{
        time_t now = time(NULL), until = 0;
        bool is_paused = false;

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

/* ---- outcome ---- */

static int fill_package(const struct plan_item *item, struct outcome_package *package)
{
        if (!package)
                return -ENOMEM;
        package->name = strdup(item->name);
        package->arch = strdup(item->arch);
        package->version_from = item->version_from ? strdup(item->version_from) : NULL;
        package->version_to = strdup(item->version_to);
        package->advisories =
            item->advisories && item->advisories[0] ? strdup(item->advisories) : NULL;
        return package->name && package->arch && package->version_to ? 0 : -ENOMEM;
}

static int begin_outcome(struct run *run, time_t now)
{
        const struct assignment *assignment = assignment_of(run);
        const struct node *node = &run->judgement->node;
        struct outcome *outcome = calloc(1, sizeof(*outcome));

        if (!outcome)
                return -ENOMEM;
        run->outcome = outcome;
        outcome->run_id = strdup(run->run_id);
        outcome->trigger = strdup(run->trigger);
        outcome->policy_id = strdup(run->policy->policy_id);
        outcome->policy_version = run->policy->version;
        outcome->baseline = assignment ? strdup(assignment->baseline->name) : NULL;
        outcome->boot_id = node->boot_id ? strdup(node->boot_id) : NULL;
        outcome->started_at = now;
        return outcome->run_id && outcome->trigger && outcome->policy_id ? 0 : -ENOMEM;
}

/* Lays the steps of the plan out in one row, in the outcome too. */
static int adopt_plan(struct run *run)
{
        int r = 0;

        run->items = calloc(plan_n_items(run->plan) + 1, sizeof(*run->items));
        if (!run->items)
                return -ENOMEM;
        for (size_t i = 0; i < run->plan->n_steps; i++)
                for (size_t j = 0; r >= 0 && j < run->plan->steps[i].n_items; j++) {
                        run->items[run->n_items] = &run->plan->steps[i].items[j];
                        r = fill_package(run->items[run->n_items++],
                                         outcome_add_package(run->outcome));
                }
        return r;
}

static int answer_outcome(struct run *run, const struct outcome *outcome)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;
        int r;

        json_begin_object(writer, NULL);
        json_add_string(writer, "state", "finished");
        json_add_string(writer, "text", outcome->message);
        outcome_write(outcome, "outcome", writer);
        json_end(writer);
        r = json_writer_finish(writer, false, &text);
        if (r < 0)
                return r;
        run->answer = varlink_reply_text(text, false);
        return run->answer ? 0 : -ENOMEM;
}

static void log_run(const struct run *run, enum event event)
{
        const struct outcome *outcome = run->outcome;
        const struct event_fields fields = {
            .run_id = run->run_id,
            .policy_id = outcome->policy_id,
            .policy_version = outcome->policy_version,
            .result = event == EVENT_RUN_STARTED
                          ? NULL
                          : enum_name(&run_result_names, (int)outcome->result),
            .reason = outcome->message,
        };

        log_event(event, &fields);
}

/* A run that does not start leaves nothing on disk. */
static int refuse(struct run *run, const char *reason)
{
        run->outcome->result = RUN_REFUSED;
        run->outcome->finished_at = time(NULL);
        run->outcome->message = strdup(reason);
        if (!run->outcome->message)
                return -ENOMEM;
        log_run(run, EVENT_RUN_REFUSED);
        return answer_outcome(run, run->outcome);
}

/* ---- the stages ---- */

static int judge(struct run *run, time_t now, struct diag *diag)
{
        const struct judge_options options = {.paths = run->service->paths,
                                              .config = run->config,
                                              .root = &run->root,
                                              .policy = run->policy,
                                              .now = now,
                                              .use_apply_state = true};

        return judge_host(&options, &run->judgement, diag);
}

static int plan(struct run *run)
{
        const struct plan_request request = {.packages = run->request->packages,
                                             .n_packages = run->request->n_packages,
                                             .all = !run->request->has_packages};
        int r = plan_build(run->judgement->decisions, &request, &run->plan);

        return r < 0 ? r : adopt_plan(run);
}

/* A host with broken dependencies makes every call fail: found once, named for every package. */
static int check_host(struct run *run, char **ret_text, struct diag *diag)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        const struct inventory *inventory = run->judgement->inventory;
        int r = 0;

        if (inventory->interrupted && !run->downloads_only)
                r = recovery_repair(&run->manager, diag);
        if (r >= 0)
                r = manager_run(&run->manager, BACKEND_CHECK, &result, diag);
        if (r < 0 || manager_succeeded(&result))
                return r;
        *ret_text = str_format("nothing was changed, because the package manager finds this host "
                               "broken: %s; repair it by hand",
                               inventory->broken.n_items > 0
                                   ? inventory->broken.items[0]
                                   : result.error_output.data ?: "apt-get check failed");
        return *ret_text ? 0 : -ENOMEM;
}

static int fail_everything(struct run *run, const char *reason)
{
        for (size_t i = 0; i < run->outcome->n_packages; i++) {
                run->outcome->packages[i].result = PACKAGE_FAILED;
                run->outcome->packages[i].message = strdup(reason);
                if (!run->outcome->packages[i].message)
                        return -ENOMEM;
        }
        return 0;
}

static int judge_reboot(struct run *run, struct diag *diag)
{
        const struct assignment *assignment = assignment_of(run);
        CLEANUP(inventory_freep) struct inventory *inventory = NULL;
        CLEANUP(reboot_state_done) struct reboot_state state = {0};
        struct event_fields fields = {.run_id = run->run_id};
        bool is_wanted;
        int r = truth_collect(&inventory, diag);

        if (r >= 0)
                r = host_reboot_state(&run->root, &run->judgement->node, inventory, &state, diag);
        if (r < 0)
                return r;
        run->outcome->reboot_required = state.required == REBOOT_REQUIRED_YES;
        is_wanted = assignment &&
                    (assignment->reboot == REBOOT_ALWAYS ||
                     (assignment->reboot == REBOOT_IF_NEEDED && run->outcome->reboot_required));
        if (run->outcome->reboot_required) {
                fields.reason = state.reasons.n_items > 0 ? state.reasons.items[0] : NULL;
                log_event(EVENT_REBOOT_REQUIRED, &fields);
        }
        run->outcome->reboot = strdup(
            is_wanted ? "not performed: this version does not reboot by itself; reboot the node"
            : run->outcome->reboot_required ? "not performed: the policy says never"
                                            : "not needed");
        if (!run->outcome->reboot)
                return -ENOMEM;
        if (is_wanted) {
                fields.reason = run->outcome->reboot;
                log_event(EVENT_REBOOT_NOT_PERFORMED, &fields);
        }
        return 0;
}

static int finish(struct run *run, struct diag *diag)
{
        struct outcome *outcome = run->outcome;
        size_t n_done = 0;
        int r;

        for (size_t i = 0; i < outcome->n_packages; i++)
                n_done += outcome->packages[i].result == PACKAGE_UPDATED ||
                          outcome->packages[i].result == PACKAGE_INSTALLED;
        outcome->finished_at = time(NULL);
        outcome->result = outcome_judge(outcome);
        free(outcome->message);
        outcome->message = outcome->n_packages == 0
                               ? strdup("nothing to do")
                               : str_format("%zu of %zu packages are at their approved version",
                                            n_done, outcome->n_packages);
        if (!outcome->message)
                return -ENOMEM;
        r = state_write_outcome(run->service->paths, outcome, diag);
        if (r >= 0)
                r = state_remove_intent(run->service->paths, run->run_id, diag);
        if (r < 0)
                return r;
        log_run(run, EVENT_RUN_FINISHED);
        return answer_outcome(run, outcome);
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
                archives_prune(&run->manager, keep, n, run->judgement->inventory->arch);
}

/* From the intent on disk to the outcome on disk. */
static int carry_out(struct run *run, struct diag *diag)
{
        CLEANUP(freep) char *broken = NULL;
        int r = state_write_intent(run->service->paths, run->outcome, diag);

        if (r < 0)
                return r;
        log_run(run, EVENT_RUN_STARTED);
        if (run->n_items > 0)
                r = check_host(run, &broken, diag);
        if (r >= 0 && broken)
                r = fail_everything(run, broken);
        else if (r >= 0 && run->n_items > 0) {
                r = steps_download(run, diag);
                if (r >= 0)
                        r = steps_run(run, diag);
        }
        if (r >= 0)
                r = judge_reboot(run, diag);
        if (r < 0)
                return r;
        prune(run);
        return finish(run, diag);
}

static int download_only(struct run *run, struct diag *diag)
{
        size_t n_failed = 0;
        int r = run->n_items > 0 ? steps_download(run, diag) : 0;

        if (r < 0)
                return r;
        for (size_t i = 0; i < run->n_items; i++)
                n_failed += run->outcome->packages[i].result == PACKAGE_FAILED;
        run->outcome->finished_at = time(NULL);
        run->outcome->result = n_failed == 0              ? RUN_SUCCEEDED
                               : n_failed == run->n_items ? RUN_FAILED
                                                          : RUN_PARTIAL;
        run->outcome->message =
            str_format("%zu of %zu packages are downloaded", run->n_items - n_failed, run->n_items);
        return run->outcome->message ? answer_outcome(run, run->outcome) : -ENOMEM;
}

static int decide(struct run *run, time_t now, struct diag *diag)
{
        int r = judge(run, now, diag);

        if (r >= 0)
                r = begin_outcome(run, now);
        if (r >= 0)
                r = check_pause(run);
        if (r >= 0 && !run->judgement->decisions->may_apply) {
                CLEANUP(freep) char *reasons = NULL;

                r = strv_join(&run->judgement->decisions->apply_refusals, "; ", &reasons);
                return r < 0 ? r : refuse(run, reasons);
        }
        if (r >= 0 && !run->downloads_only)
                r = check_window(run, now);
        return r < 0 ? r : plan(run);
}

static int execute(struct run *run, struct diag *diag)
{
        time_t now = time(NULL);
        int r = recovery_run(run->service, now, diag);

        if (r >= 0)
                r = config_load(run->service->paths, &run->config, diag);
        if (r >= 0)
                r = root_open("/", &run->root, diag);
        if (r >= 0)
                r = trust_policy(run->service->paths, run->config, &run->request->envelope, now,
                                 &run->policy, &run->answer, diag);
        if (r >= 0)
                r = decide(run, now, diag);
        if (r < 0 || run->answer)
                return r;
        r = manager_init(run->service, backend_for(run->judgement->inventory->format),
                         &run->manager, diag);
        if (r < 0)
                return r;
        return run->downloads_only ? download_only(run, diag) : carry_out(run, diag);
}

/* ---- entry ---- */

/* Asked again, a finished run is not done again: its outcome is given. */
static int attach(struct run *run, struct diag *diag)
{
        CLEANUP(outcome_freep) struct outcome *outcome = NULL;
        int r = apply_state_outcome(run->service->paths, run->run_id, &outcome, NULL);

        (void)diag;
        if (r == -ENOENT)
                return 0;
        return r < 0 ? r : answer_outcome(run, outcome);
}

static int start(struct run *run, char **ret_answer, struct diag *diag)
{
        CLEANUP(lock_holder_done) struct lock_holder holder = {0};
        CLEANUP(run_lock_done) struct run_lock lock = {.fd = -EBADF};
        int r = run_lock_take(run->service->paths, run->run_id, time(NULL), &lock, &holder, diag);

        if (r == -EBUSY)
                run->answer = answer_already_running(holder.run_id, holder.since);
        if (r >= 0)
                r = attach(run, diag);
        if (r >= 0 && !run->answer)
                r = execute(run, diag);
        *ret_answer = TAKE_PTR(run->answer);
        return r;
}

int run_handle_apply(struct service *service, const struct request *request, char **ret_answer,
                     struct diag *diag)
{
        CLEANUP(run_done)
        struct run run = {.service = service,
                          .request = request,
                          .run_id = request->run_id,
                          .trigger = "window",
                          .root = {.fd = -EBADF}};

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
