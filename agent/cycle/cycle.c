/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/cycle.h"

#include "base/str.h"
#include "base/timetext.h"
#include "cycle/cycle-private.h"
#include "cycle/fingerprint.h"
#include "cycle/helper.h"
#include "cycle/memory.h"
#include "cycle/reset.h"
#include "host/log.h"

#include <string.h>

enum { REFRESH_INTERVAL_SEC = 4 * SECONDS_PER_HOUR };

int cycle_tell(const struct cycle *cycle, const struct progress *progress)
{
        const struct cycle_options *options = cycle->options;

        return options->on_progress ? options->on_progress(progress, options->context) : 0;
}

int cycle_progress(const struct cycle *cycle, const char *state, const char *text)
{
        const struct progress progress = progress_of(state, text);

        return cycle_tell(cycle, &progress);
}

/* ---- fetch, refresh ---- */

/* Somebody, or a window that opens, wants to know now; a poll can wait. */
static bool may_wait(const struct cycle *cycle)
{
        static const char *const urgent[] = {"start", "reload", "window"};

        for (size_t i = 0; i < ELEMENTSOF(urgent); i++)
                if (strcmp(cycle->options->trigger, urgent[i]) == 0)
                        return false;
        return true;
}

static int stage_fetch(struct cycle *cycle, struct diag *diag)
{
        struct fetch_request request = {
            .paths = cycle->options->paths,
            .config = cycle->config,
            .keys = cycle->keys,
            .zones = host_zone_loader(cycle->options->paths),
            .store = cycle->store,
            .transport = cycle->transport,
            .node = &cycle->node,
            .now = cycle->now,
            .may_wait = may_wait(cycle),
        };
        int r;

        reset_follow(cycle->options->paths, cycle->store);
        r = fetch_policy(&request, &cycle->fetched, diag);

        if (r < 0)
                return r;
        cycle->result->is_reachable = cycle->fetched.is_reachable;
        if (cycle->fetched.policy)
                cycle->result->policy_version = cycle->fetched.policy->version;
        return cycle_result_add_error(cycle->result, cycle->fetched.error,
                                      cycle->fetched.retry_after_seconds);
}

/* So that 'patchctl apply' knows the policy long before the window brings a run. Without the helper
 * nothing can be applied anyway, and the other stages say so. */
static int stage_hand_over(struct cycle *cycle, struct diag *diag)
{
        const struct fetched *fetched = &cycle->fetched;
        struct diag trouble = {0};
        int r;

        (void)diag;
        if (!fetched->policy || fetched->envelope.size == 0 ||
            fetched->policy->expires <= cycle->now)
                return 0;
        r = helper_set_policy(cycle->options->paths, &fetched->envelope, fetched->policy->digest,
                              &trouble);
        if (r < 0 && r != -ENOMEM)
                log_line(LOG_LEVEL_DEBUG, "The helper did not take the policy: %s",
                         diag_text(&trouble, r));
        return r == -ENOMEM ? r : 0;
}

/* Before a window always; else often enough that no index gets near its greatest age, and at once
 * after a refresh that failed. */
static bool is_refresh_due(const struct cycle *cycle)
{
        int64_t refreshed_at = memory_get_int(cycle->store, MEMORY_REFRESHED_AT);
        int64_t half_age_sec = cycle->config->max_index_age_hours * SECONDS_PER_HOUR / 2;
        int64_t interval_sec =
            half_age_sec < REFRESH_INTERVAL_SEC ? half_age_sec : REFRESH_INTERVAL_SEC;

        return strcmp(cycle->options->trigger, "window") == 0 || cycle->now < refreshed_at ||
               cycle->now - refreshed_at >= interval_sec;
}

int cycle_refresh(struct cycle *cycle)
{
        struct diag trouble = {0};
        const char *text = NULL;
        bool is_complete = false;
        int r = helper_refresh(cycle->options->paths, &is_complete, &trouble);

        if (r == -ENOMEM)
                return r;
        if (r < 0)
                text = diag_text(&trouble, r);
        if (is_complete)
                (void)memory_set_int(cycle->store, MEMORY_REFRESHED_AT, cycle->now);
        if (memory_changed(cycle->store, MEMORY_REFRESH_FAILED, text) && text)
                log_event(EVENT_REFRESH_FAILED, &(struct event_fields){.reason = text});
        return 0;
}

static int stage_refresh(struct cycle *cycle, struct diag *diag)
{
        (void)diag;
        return is_refresh_due(cycle) ? cycle_refresh(cycle) : 0;
}

/* ---- judge ---- */

/* Whether the inputs are those of the last report, and it is not yet time to look again. */
static bool is_unchanged(struct cycle *cycle)
{
        CLEANUP(freep) char *before = memory_get(cycle->store, MEMORY_FINGERPRINT);
        CLEANUP(freep) char *result = memory_get(cycle->store, MEMORY_LAST_RESULT);
        int64_t judged_at = memory_get_int(cycle->store, MEMORY_FINGERPRINT_AT);
        int64_t until = memory_get_int(cycle->store, MEMORY_FINGERPRINT_UNTIL);

        if (strcmp(cycle->options->trigger, "poll") != 0 || cycle->fingerprint[0] == '\0')
                return false;
        if (!str_equal(before, cycle->fingerprint) || !result)
                return false;
        if (cycle->now < judged_at || cycle->now >= until)
                return false;
        return cycle_result_recall(result, cycle->result) >= 0;
}

void cycle_take_fingerprint(struct cycle *cycle)
{
        if (fingerprint_make(cycle->options->paths, cycle->fetched.policy->digest,
                             cycle->fingerprint) < 0)
                cycle->fingerprint[0] = '\0';
}

/* Only when something is judged: a quiet poll doesn't read them. */
static int load_feeds(struct cycle *cycle)
{
        int r;

        if (cycle->has_feeds)
                return 0;
        r = feed_set_load(&cycle->fetched.feeds, &cycle->node, &cycle->advisories, &cycle->lacking);
        cycle->has_feeds = r >= 0;
        return r;
}

int cycle_judge(struct cycle *cycle, struct diag *diag)
{
        struct judge_options options = {
            .paths = cycle->options->paths,
            .config = cycle->config,
            .root = &cycle->root,
            .policy = cycle->fetched.policy,
            .now = cycle->now,
            .use_apply_state = true,
        };
        int r = load_feeds(cycle);

        if (r < 0)
                return r;
        options.advisories = cycle->advisories;
        options.problems = &cycle->lacking;
        judgement_free(cycle->judgement);
        cycle->judgement = NULL;
        r = judge_host(&options, &cycle->judgement, diag);
        return r < 0 ? r : cycle_result_take_judgement(cycle->result, cycle->judgement);
}

static int stage_judge(struct cycle *cycle, struct diag *diag)
{
        if (!cycle->fetched.policy) {
                cycle->result->status = COMPLIANCE_UNKNOWN;
                return cycle_result_add_error(cycle->result, "there is no usable policy", 0);
        }
        cycle_take_fingerprint(cycle);
        if (is_unchanged(cycle))
                return 0;
        return cycle_judge(cycle, diag);
}

/* ---- the whole ---- */

static const struct stage {
        const char *state, *text;
        int (*run)(struct cycle *cycle, struct diag *diag);
} stages[] = {
    {"fetch", "asking for the policy", stage_fetch},
    {"hand-over", "handing the policy to the helper", stage_hand_over},
    {"recover", "ending what a reboot or a crash left open", cycle_recover},
    {"refresh", "refreshing the package indexes", stage_refresh},
    {"judge", "judging the installed packages", stage_judge},
    {"dates", "reading when waiting versions were built", cycle_read_dates},
    {"operate", "looking for operations of the policy", cycle_operate},
    {"plan", "planning", cycle_apply},
    {"report", "writing the report", cycle_report},
    {"deliver", "delivering reports", cycle_deliver},
};

bool cycle_is_trigger(const char *trigger)
{
        static const char *const triggers[] = {"start",   "poll",   "window",
                                               "outcome", "reload", "operation"};

        for (size_t i = 0; i < ELEMENTSOF(triggers); i++)
                if (strcmp(trigger, triggers[i]) == 0)
                        return true;
        return false;
}

int cycle_run(const struct cycle_options *options, struct cycle_result *ret, struct diag *diag)
{
        CLEANUP(cycle_result_done) struct cycle_result result = {.status = COMPLIANCE_UNKNOWN};
        CLEANUP(cycle_done)
        struct cycle cycle = {.options = options,
                              .result = &result,
                              .now = time(NULL),
                              .lock = -EBADF,
                              .root = {.fd = -EBADF}};
        int r = cycle_prepare(&cycle, diag);

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(stages); i++) {
                r = cycle_progress(&cycle, stages[i].state, stages[i].text);
                if (r >= 0)
                        r = stages[i].run(&cycle, diag);
        }
        if (r < 0)
                return r;
        *ret = result;
        result = (struct cycle_result){0};
        return 0;
}
