/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/run/steps.h"

#include "apply/packages/archives.h"
#include "apply/rollback/kept.h"
#include "apply/run/attempt.h"
#include "apply/run/boot_room.h"
#include "apply/run/builds.h"
#include "apply/run/pace.h"
#include "apply/run/record.h"
#include "base/str.h"
#include "packages/dependency.h"

#include <string.h>

enum { MERGES_MAX = 10 }; /* of one run: each costs a simulation of much that is then refused */

/* The download has its part of the run where there is something to fetch. */
static int fetch(struct run *run, struct attempt *all, struct diag *diag)
{
        CLEANUP(downloading_done) struct downloading downloading = {0};
        int r = downloading_init(&run->installer, &all->step, &downloading);

        if (r < 0)
                return r;
        service_enter(run->service, RUN_PREPARED,
                      run->downloads_only           ? RUN_INSTALLED
                      : downloading.bytes_total > 0 ? RUN_DOWNLOADED
                                                    : RUN_HAD_ALL);
        service_progress(run->service, "downloading", "fetching the approved packages");
        run->installer.downloading = &downloading;
        r = attempt_fetch(run, all, diag);
        installer_tell_download(&run->installer);
        run->installer.downloading = NULL;
        return r;
}

int steps_download(struct run *run, struct diag *diag)
{
        CLEANUP(attempt_done) struct attempt all = {0};
        int r = attempt_init(run, &all);

        if (r < 0)
                return r;
        for (size_t i = 0; i < run->n_items; i++)
                attempt_add(run, &all, i);
        builds_prune(run, run->items, run->n_items);
        r = archives_check_space(&run->installer, &all.step, run->judgement->inventory->arch, diag);
        if (r < 0)
                return r;
        r = fetch(run, &all, diag);
        return r < 0
                   ? r
                   : kept_fetch(&run->installer, run->config, run->judgement->inventory, &all.step);
}

/* ---- results ---- */

static bool is_done(const struct run *run, size_t index)
{
        return attempt_is_done(&run->outcome->packages[index]);
}

/* One step of the plan while it is carried out. */
struct part {
        struct run *run;
        size_t first, end; /* of run->items */
        bool *is_wanted;   /* per item of the run: not done yet, and nothing stands against it */
        bool is_self;
};

static bool has_open(const struct part *part)
{
        for (size_t i = part->first; i < part->end; i++)
                if (part->is_wanted[i] && !is_done(part->run, i))
                        return true;
        return false;
}

/* What failed already keeps what was said of it. */
static int skip(struct run *run, size_t index, const char *reason)
{
        return run->outcome->packages[index].result == PACKAGE_SKIPPED
                   ? attempt_set_result(run, index, PACKAGE_SKIPPED, reason)
                   : 0;
}

static int skip_all(struct run *run, size_t first, size_t end, const char *reason)
{
        int r = 0;

        for (size_t i = first; r >= 0 && i < end; i++)
                r = skip(run, i, reason);
        return r;
}

/* ---- what is needed ---- */

/* A needed item that is not there and will not come with this step; -1: none. */
static ssize_t find_lacking(const struct part *part, size_t index)
{
        const struct plan_item *item = part->run->items[index];

        for (size_t i = 0; i < item->n_needs; i++)
                if (!is_done(part->run, item->needs[i]) && !part->is_wanted[item->needs[i]])
                        return (ssize_t)item->needs[i];
        return -1;
}

static int skip_lacking(const struct part *part, size_t index, size_t lacking)
{
        const struct outcome_package *package = &part->run->outcome->packages[lacking];
        CLEANUP(freep)
        char *reason =
            str_format("not started: it needs %s %s, which %s", package->name, package->version_to,
                       package->result == PACKAGE_FAILED        ? "failed"
                       : package->result == PACKAGE_ROLLED_BACK ? "was rolled back"
                                                                : "was skipped");

        return reason ? skip(part->run, index, reason) : -ENOMEM;
}

/* Takes out of the step what needs something that is not there. */
static int drop_lacking(struct part *part)
{
        bool changed = true;
        int r = 0;

        while (r >= 0 && changed) {
                changed = false;
                for (size_t i = part->first; r >= 0 && i < part->end; i++) {
                        ssize_t lacking = part->is_wanted[i] ? find_lacking(part, i) : -1;

                        if (lacking < 0)
                                continue;
                        part->is_wanted[i] = false;
                        changed = true;
                        r = skip_lacking(part, i, (size_t)lacking);
                }
        }
        return r;
}

/* ---- parts of a step ---- */

/* The item and, over any number of links, what of the step it needs. */
static int add_closure(const struct part *part, size_t index, struct attempt *attempt)
{
        CLEANUP(freep) bool *is_in = calloc(part->run->n_items + 1, sizeof(*is_in));
        bool grew = true;

        if (!is_in)
                return -ENOMEM;
        is_in[index] = true;
        while (grew) {
                grew = false;
                for (size_t i = part->first; i < part->end; i++)
                        for (size_t j = 0; is_in[i] && j < part->run->items[i]->n_needs; j++) {
                                size_t needed = part->run->items[i]->needs[j];

                                if (part->is_wanted[needed] && !is_in[needed])
                                        is_in[needed] = grew = true;
                        }
        }
        for (size_t i = part->first; i < part->end; i++)
                if (is_in[i] && !is_done(part->run, i))
                        attempt_add(part->run, attempt, i);
        return 0;
}

/* What failed and finds no time for another try stays failed. */
static int retry(struct run *run, struct attempt *attempt, struct diag *diag)
{
        CLEANUP(freep)
        char *reason = pace_stop_reason(run, estimate_msec(&run->estimates, &attempt->step));

        if (!reason)
                return -ENOMEM;
        return reason[0] != '\0' ? 0 : attempt_run(run, attempt, diag);
}

/* What failed together may work alone. */
static int retry_parts(const struct part *part, struct diag *diag)
{
        struct run *run = part->run;
        int r = 0;

        for (size_t i = part->first; r >= 0 && i < part->end; i++) {
                CLEANUP(attempt_done) struct attempt attempt = {0};

                if (!part->is_wanted[i] || is_done(run, i) || run->items[i]->is_new)
                        continue;
                r = attempt_init(run, &attempt);
                if (r >= 0)
                        r = add_closure(part, i, &attempt);
                if (r >= 0 && attempt.n_own < part->end - part->first)
                        r = retry(run, &attempt, diag);
        }
        return r;
}

/* ---- with help of later steps ---- */

struct mention {
        const char *name;
};

static int is_mentioned(const struct dependency *dependency, void *arg)
{
        const struct mention *mention = arg;

        return strcmp(dependency->name, mention->name) == 0;
}

static bool mentions(const struct plan_item *item, const struct plan_item *other)
{
        const char *const fields[] = {item->target->depends, item->target->breaks,
                                      item->target->provides};
        struct mention mention = {.name = other->name};

        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (dependency_for_each(fields[i] ?: "", is_mentioned, &mention) != 0)
                        return true;
        return false;
}

static bool is_related(const struct plan_item *a, const struct plan_item *b)
{
        return str_equal(a->target->source, b->target->source) || mentions(a, b) || mentions(b, a);
}

/* Later items that have to do with those that are in, over any number of links. */
static void add_related(const struct run *run, size_t from, size_t to, bool *is_in)
{
        bool grew = true;

        while (grew) {
                grew = false;
                for (size_t i = 0; i < to; i++)
                        for (size_t j = from; is_in[i] && j < to; j++)
                                if (!is_in[j] && is_related(run->items[i], run->items[j]))
                                        is_in[j] = grew = true;
        }
}

/* Where the items of patchd's own step begin. */
static size_t end_of_others(const struct run *run)
{
        size_t end = run->n_items;

        for (size_t i = run->plan->n_steps; i > 0 && run->plan->steps[i - 1].is_self; i--)
                end -= run->plan->steps[i - 1].n_items;
        return end;
}

static int fill_merged(const struct part *part, bool only_related, struct attempt *attempt)
{
        struct run *run = part->run;
        size_t to = end_of_others(run);
        CLEANUP(freep) bool *is_in = calloc(run->n_items + 1, sizeof(*is_in));

        if (!is_in)
                return -ENOMEM;
        for (size_t i = part->first; i < part->end; i++)
                if (part->is_wanted[i] && !is_done(run, i)) {
                        attempt_add(run, attempt, i);
                        is_in[i] = true;
                }
        for (size_t i = part->end; i < to; i++)
                is_in[i] = !only_related;
        if (only_related)
                add_related(run, part->end, to, is_in);
        for (size_t i = part->end; i < to; i++)
                if (is_in[i] && !is_done(run, i))
                        attempt_add_helper(run, attempt, i);
        return 0;
}

/* The package manager knows better what belongs together: first with what is related, then with
 * all that is left. */
static int retry_merged(const struct part *part, struct diag *diag)
{
        struct run *run = part->run;
        size_t n_before = 0;
        int r = 0;

        for (int round = 0; r >= 0 && round < 2 && has_open(part); round++) {
                CLEANUP(attempt_done) struct attempt attempt = {0};
                size_t n;

                r = attempt_init(run, &attempt);
                if (r >= 0)
                        r = fill_merged(part, round == 0, &attempt);
                n = attempt.step.n_items - attempt.n_own;
                if (r < 0 || n == n_before || run->n_merges >= MERGES_MAX)
                        continue;
                n_before = n;
                run->n_merges++;
                r = retry(run, &attempt, diag);
                for (size_t i = attempt.n_own; r >= 0 && i < attempt.step.n_items; i++)
                        if (is_done(run, attempt.indexes[i]))
                                record_log_package(run,
                                                   &run->outcome->packages[attempt.indexes[i]]);
        }
        return r;
}

/* ---- steps ---- */

static int carry_out(const struct part *part, struct attempt *attempt, struct diag *diag)
{
        int64_t began_msec = pace_now_msec();
        int r = attempt_run(part->run, attempt, diag);

        if (r >= 0 && !has_open(part))
                r = pace_learn(part->run, &attempt->step, began_msec);
        if (r >= 0 && part->end - part->first > 1 && has_open(part))
                r = retry_parts(part, diag);
        if (r >= 0 && attempt->was_refused && has_open(part) && !part->is_self)
                r = retry_merged(part, diag);
        for (size_t i = part->first; r >= 0 && i < part->end; i++)
                if (part->is_wanted[i])
                        record_log_package(part->run, &part->run->outcome->packages[i]);
        return r;
}

/* A step that does not fit is passed over; a smaller one behind it may. */
static int start_step(const struct part *part, struct diag *diag)
{
        CLEANUP(attempt_done) struct attempt attempt = {0};
        CLEANUP(freep) char *reason = NULL;
        int r = attempt_init(part->run, &attempt);

        if (r < 0)
                return r;
        for (size_t i = part->first; i < part->end; i++)
                if (part->is_wanted[i])
                        attempt_add(part->run, &attempt, i);
        reason = pace_stop_reason(part->run, estimate_msec(&part->run->estimates, &attempt.step));
        if (!reason)
                return -ENOMEM;
        return reason[0] != '\0' ? skip_all(part->run, part->first, part->end, reason)
                                 : carry_out(part, &attempt, diag);
}

static int run_step(struct run *run, const struct plan_step *step, size_t first, struct diag *diag)
{
        CLEANUP(freep) bool *is_wanted = calloc(run->n_items + 1, sizeof(*is_wanted));
        struct part part = {.run = run,
                            .first = first,
                            .end = first + step->n_items,
                            .is_wanted = is_wanted,
                            .is_self = step->is_self};
        int r;

        if (!is_wanted)
                return -ENOMEM;
        for (size_t i = first; i < part.end; i++)
                is_wanted[i] = !is_done(run, i) &&
                               !(run->no_kernels && old_kernels_is_image(run->items[i]->name));
        r = drop_lacking(&part);
        return r < 0 || !has_open(&part) ? r : start_step(&part, diag);
}

/* ---- all steps ---- */

/* Each step has the part of the run that its time is expected to have, as known at the beginning:
 * the estimates learn on the way. */
struct shares {
        int64_t from;  /* of PROGRESS_WHOLE: where the first one begins */
        int64_t *msec; /* of each step */
        int64_t done_msec, all_msec;
};

static void shares_done(struct shares *shares)
{
        free(shares->msec);
}

static int make_shares(const struct run *run, struct shares *ret)
{
        ret->from = run->service->meter.to;
        ret->msec = calloc(run->plan->n_steps + 1, sizeof(*ret->msec));
        for (size_t i = 0; ret->msec && i < run->plan->n_steps; i++) {
                ret->msec[i] = estimate_msec(&run->estimates, &run->plan->steps[i]);
                ret->all_msec += ret->msec[i];
        }
        return ret->msec ? 0 : -ENOMEM;
}

static int64_t reached(const struct shares *shares)
{
        double share = (double)shares->done_msec / (double)shares->all_msec;

        return shares->from + (int64_t)(share * (double)(RUN_INSTALLED - shares->from));
}

static int enter_step(struct run *run, size_t number, struct shares *shares)
{
        const struct plan_step *step = &run->plan->steps[number];
        size_t n_others = step->n_items - 1;
        CLEANUP(freep)
        char *text = n_others > 0
                         ? str_format("preparing %s and %zu more", step->items[0].name, n_others)
                         : str_format("preparing %s", step->items[0].name);
        int64_t from = reached(shares);

        if (!text)
                return -ENOMEM;
        shares->done_msec += shares->msec[number];
        service_enter(run->service, from, reached(shares));
        run->service->now.step = (int64_t)number + 1;
        run->service->now.n_steps = (int64_t)run->plan->n_steps;
        service_progress(run->service, "installing", text);
        return 0;
}

int steps_run(struct run *run, struct diag *diag)
{
        CLEANUP(shares_done) struct shares shares = {0};
        size_t first = 0;
        int r = pace_load(run);

        if (r >= 0)
                r = boot_room_make(run, diag);
        if (r >= 0)
                r = make_shares(run, &shares);
        for (size_t i = 0; r >= 0 && i < run->plan->n_steps; i++) {
                CLEANUP(freep) char *reason = run_stop_reason(run);

                if (!reason)
                        return -ENOMEM;
                if (reason[0] != '\0')
                        return skip_all(run, first, run->n_items, reason);
                r = enter_step(run, i, &shares);
                if (r >= 0)
                        r = run_step(run, &run->plan->steps[i], first, diag);
                first += run->plan->steps[i].n_items;
        }
        return r;
}
