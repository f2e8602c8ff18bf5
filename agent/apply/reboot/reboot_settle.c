/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/reboot/reboot_settle.h"

#include "apply/packages/truth.h"
#include "apply/reboot/after_boot.h"
#include "apply/reboot/logind.h"
#include "apply/reboot/reboot_lock.h"
#include "apply/reboot/reboot_look.h"
#include "apply/reboot/rebooting.h"
#include "apply/recovery.h"
#include "apply/scripts/health.h"
#include "apply/state.h"
#include "base/str.h"
#include "host/host.h"
#include "host/log.h"

#include <poll.h>
#include <string.h>
#include <sys/utsname.h>

enum {
        BOOT_MAX_SECONDS = 300, /* one that takes longer is looked at as it is */
        MSEC_PER_SEC = 1000,
};

/* What is known of this boot. */
struct boot {
        char *boot_id;
        struct inventory *inventory; /* NULL: not collected yet */
        struct reboot_state state;
        time_t came_back_at, finished_at, now;
};

static void boot_done(struct boot *boot)
{
        free(boot->boot_id);
        inventory_free(boot->inventory);
        reboot_state_done(&boot->state);
}

/* One that isn't known is none. */
static bool is_another_boot(const struct boot *boot, const char *boot_id)
{
        return boot_id && *boot_id && *boot->boot_id && strcmp(boot_id, boot->boot_id) != 0;
}

/* A check that looks at a service must not find a node that is still starting it. */
static void await_end_of_boot(struct boot *boot)
{
        for (int i = 0; i < BOOT_MAX_SECONDS && !service_should_stop(); i++) {
                if (logind_boot_times(&boot->came_back_at, &boot->finished_at, NULL) < 0 ||
                    boot->finished_at > 0)
                        return;
                (void)poll(NULL, 0, MSEC_PER_SEC);
        }
}

static int look_at_boot(struct boot *boot, struct diag *diag)
{
        CLEANUP(outcome_freep) struct outcome *services = NULL;
        int r = boot->inventory ? 0 : truth_collect(&boot->inventory, diag);

        if (r < 0 || boot->came_back_at > 0)
                return r;
        await_end_of_boot(boot);
        services = calloc(1, sizeof(*services));
        r = services ? reboot_look(boot->inventory, services, &boot->state, diag) : -ENOMEM;
        if (r >= 0 && boot->came_back_at == 0)
                boot->came_back_at = boot->now;
        return r;
}

/* ---- a run ---- */

/* What the run proved has to hold after the boot too. */
static int verify(const struct inventory *inventory, struct outcome *outcome, size_t *ret_lost)
{
        *ret_lost = 0;
        for (size_t i = 0; i < outcome->n_packages; i++) {
                struct outcome_package *package = &outcome->packages[i];
                CLEANUP(freep) char *found = NULL;

                if ((package->result != PACKAGE_UPDATED && package->result != PACKAGE_INSTALLED) ||
                    truth_is_installed(inventory, package->name, package->arch, package->version_to,
                                       &found))
                        continue;
                free(package->message);
                package->message = str_format("it was there before the reboot; now %s", found);
                package->result = PACKAGE_FAILED;
                if (!package->message)
                        return -ENOMEM;
                ++*ret_lost;
        }
        return 0;
}

static int describe(const struct boot *boot, struct outcome *outcome)
{
        char asked[TIME_TEXT_SIZE], back[TIME_TEXT_SIZE];
        bool is_cured = boot->state.reasons.n_items == 0;
        bool is_ours = outcome->reboot_requested_at != 0; /* somebody else may be quicker */

        return rebooting_set_text(
            outcome, str_format("%s%s, came back at %s with kernel %s%s%s",
                                is_ours ? "requested at " : "begun by somebody else",
                                is_ours ? time_to_rfc3339(outcome->reboot_requested_at, asked) : "",
                                time_to_rfc3339(boot->came_back_at, back), outcome->kernel,
                                is_cured ? "" : "; it is still required: ",
                                is_cured ? "" : boot->state.reasons.items[0]));
}

static void log_run(const struct outcome *outcome, enum event event)
{
        const struct event_fields fields = {.run_id = outcome->run_id,
                                            .policy_id = outcome->policy_id,
                                            .policy_version = outcome->policy_version,
                                            .result =
                                                enum_name(&run_result_names, (int)outcome->result),
                                            .reason = outcome->reboot};

        log_event(event, &fields);
}

/* "3 of 3 packages are ...; verified after the reboot", or what is wrong since. */
static int conclude(struct outcome *outcome, size_t n_lost, const char *broken)
{
        CLEANUP(freep) char *lost = str_format("%zu of them are lost since the reboot", n_lost);
        char *message;

        if (!lost)
                return -ENOMEM;
        message = str_format("%s; %s%s", outcome->message ?: "",
                             broken && n_lost == 0 ? "after the reboot " : "",
                             n_lost > 0 ? lost
                             : broken   ? broken
                                        : "verified after the reboot");
        if (!message)
                return -ENOMEM;
        free(outcome->message);
        outcome->message = message;
        if (n_lost > 0)
                outcome->result = outcome_judge(outcome);
        else if (broken && outcome->result == RUN_SUCCEEDED)
                outcome->result = RUN_PARTIAL;
        return 0;
}

static int check_health(struct service *service, struct outcome *outcome, char **ret_broken)
{
        CLEANUP(config_freep) struct config *config = NULL;
        struct diag why = {0};
        int r = config_load(service->paths, &config, &why);

        if (r == -ENOMEM)
                return r;
        if (r >= 0)
                return health_check(service, config, SCRIPT_AFTER_BOOT, 0, NULL, outcome,
                                    ret_broken);
        log_line(LOG_LEVEL_WARNING, "no health check was made after the reboot: %s",
                 diag_text(&why, r));
        return 0;
}

/* The reboot is over, whatever follows from it. */
static int stamp(const struct boot *boot, struct outcome *outcome)
{
        struct utsname uts = {0};

        (void)uname(&uts);
        free(outcome->kernel);
        outcome->kernel = strdup(uts.release);
        if (!outcome->kernel)
                return -ENOMEM;
        outcome->reboot_phase = REBOOT_PHASE_FINISHED;
        outcome->reboot_required = boot->state.required == REBOOT_REQUIRED_YES;
        outcome->rebooted_at = boot->came_back_at;
        outcome->finished_at = boot->now;
        return describe(boot, outcome);
}

static int finish(struct service *service, const struct boot *boot, struct outcome *outcome,
                  struct diag *diag)
{
        CLEANUP(freep) char *broken = NULL;
        size_t n_lost = 0;
        int r = verify(boot->inventory, outcome, &n_lost);

        if (r >= 0)
                r = check_health(service, outcome, &broken);
        if (r >= 0)
                r = conclude(outcome, n_lost, broken);
        if (r >= 0)
                r = stamp(boot, outcome);
        if (r >= 0 && broken)
                r = after_boot_roll_back(service, boot->inventory, broken, outcome, diag);
        if (r >= 0)
                r = rebooting_write(service->paths, outcome, diag);
        if (r >= 0)
                log_run(outcome, EVENT_REBOOT_FINISHED);
        return r;
}

/* The helper was gone while it rolled the run back. */
static int finish_rollback(struct service *service, struct outcome *outcome, struct diag *diag)
{
        int r = after_boot_resume(service, outcome, diag);

        if (r >= 0)
                r = rebooting_write(service->paths, outcome, diag);
        if (r < 0)
                return r;
        log_run(outcome, EVENT_RUN_REPAIRED);
        log_run(outcome, EVENT_REBOOT_FINISHED);
        return 0;
}

/* The same boot still. */
static int fail(struct service *service, struct outcome *outcome, struct diag *diag)
{
        bool was_requested = outcome->reboot_phase == REBOOT_PHASE_REQUESTED;
        char at[TIME_TEXT_SIZE];
        int r;

        outcome->reboot_phase = was_requested ? REBOOT_PHASE_FAILED : REBOOT_PHASE_POSTPONED;
        r = rebooting_set_text(
            outcome, was_requested
                         ? str_format("requested at %s, but it did not come",
                                      time_to_rfc3339(outcome->reboot_requested_at, at))
                         : strdup("postponed: the helper ended before it could be asked for"));
        if (r >= 0)
                r = rebooting_write(service->paths, outcome, diag);
        if (r >= 0)
                log_run(outcome, EVENT_REBOOT_NOT_PERFORMED);
        return r;
}

static int settle_run(struct service *service, struct boot *boot, struct outcome *outcome,
                      struct diag *diag)
{
        time_t age = boot->now - outcome->reboot_requested_at;
        int r;

        if (outcome->reboot_phase == REBOOT_PHASE_FINISHED)
                return finish_rollback(service, outcome, diag);
        if (is_another_boot(boot, outcome->boot_id)) {
                r = look_at_boot(boot, diag);
                return r < 0 ? r : finish(service, boot, outcome, diag);
        }
        if (rebooting_is_awaited(service->paths))
                return 0;
        if (outcome->reboot_phase == REBOOT_PHASE_REQUESTED && age >= 0 &&
            age < REBOOT_COMING_MAX_SECONDS)
                return 0;
        return fail(service, outcome, diag);
}

static void remove_item(struct strv *strv, size_t at)
{
        free(strv->items[at]);
        memmove(&strv->items[at], &strv->items[at + 1],
                (strv->n_items - at) * sizeof(*strv->items)); /* the NULL at the end too */
        strv->n_items--;
}

static bool is_about_reboot(const struct outcome *outcome)
{
        return outcome->reboot_phase == REBOOT_PHASE_AWAITED ||
               outcome->reboot_phase == REBOOT_PHASE_REQUESTED ||
               outcome->reboot_phase == REBOOT_PHASE_FINISHED;
}

static int settle_runs(struct service *service, struct boot *boot, struct strv *run_ids,
                       struct diag *diag)
{
        for (size_t i = run_ids->n_items; i > 0; i--) {
                CLEANUP(outcome_freep) struct outcome *outcome = NULL;
                int r = state_read_intent(service->paths, run_ids->items[i - 1], &outcome, NULL);

                if (r == -ENOMEM)
                        return r;
                if (r < 0 || !is_about_reboot(outcome))
                        continue;
                r = settle_run(service, boot, outcome, diag);
                if (r < 0)
                        return r;
                remove_item(run_ids, i - 1);
        }
        return 0;
}

/* ---- the book ---- */

static int settle_book(struct service *service, struct boot *boot, struct diag *diag)
{
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        int64_t duration = 0;
        int r = reboot_book_read(service->paths, &book);

        if (r < 0 || !book.is_pending)
                return r;
        if (is_another_boot(boot, book.pending_boot_id)) {
                r = look_at_boot(boot, diag);
                duration = (boot->finished_at ?: boot->now) - book.pending_at;
                duration = duration < 1 ? 1 : duration;
        } else if (boot->now >= book.pending_at &&
                   boot->now - book.pending_at < REBOOT_COMING_MAX_SECONDS) {
                return 0;
        }
        if (r >= 0)
                r = reboot_book_settle(&book, duration, &boot->state.reasons);
        return r < 0 ? r : reboot_book_write(service->paths, &book, diag);
}

/* Once no reboot is on its way any more. What fails is tried again by the next cycle. */
static int release_lock(struct service *service)
{
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        struct diag why = {0};
        int r = reboot_book_read(service->paths, &book);

        if (r < 0 || !book.lock_boot_id || book.is_pending || rebooting_is_awaited(service->paths))
                return r;
        r = reboot_lock_release(service->paths, &why);
        if (r < 0)
                log_line(LOG_LEVEL_WARNING, "%s", diag_text(&why, r));
        return r == -ENOMEM ? r : 0;
}

/* ---- entry ---- */

int reboot_settle(struct service *service, struct strv *run_ids, time_t now, struct diag *diag)
{
        CLEANUP(boot_done) struct boot boot = {.boot_id = host_boot_id(), .now = now};
        int r = boot.boot_id ? settle_runs(service, &boot, run_ids, diag) : -ENOMEM;

        if (r >= 0)
                r = settle_book(service, &boot, diag);
        return r < 0 ? r : release_lock(service);
}

int reboot_settle_handle(struct service *service, const struct request *request, char **ret_answer,
                         struct diag *diag)
{
        CLEANUP(lock_holder_done) struct lock_holder holder = {0};
        CLEANUP(run_lock_done) struct run_lock lock = {.fd = -EBADF};
        time_t now = time(NULL);
        int r = run_lock_take(service->paths, "recover", now, &lock, &holder, diag);

        (void)request;
        if (r == -EBUSY)
                *ret_answer = answer_already_running(holder.run_id, holder.since);
        if (r >= 0)
                service_begin_work(service, "recover", "recover", now);
        if (r >= 0)
                r = recovery_run(service, now, diag);
        service_end_work(service);
        if (r < 0)
                return r;
        *ret_answer = varlink_reply_text(NULL, false);
        return *ret_answer ? 0 : -ENOMEM;
}
