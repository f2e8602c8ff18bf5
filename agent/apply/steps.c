/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/steps.h"

#include "apply/archives.h"
#include "apply/attempt.h"
#include "host/log.h"
#include "packages/dependency.h"

#include <string.h>

int steps_download(struct run *run, struct diag *diag)
{
        CLEANUP(attempt_done) struct attempt all = {0};
        int r = attempt_init(run, &all);

        if (r < 0)
                return r;
        for (size_t i = 0; i < run->n_items; i++)
                attempt_add(run, &all, i);
        archives_prune(&run->installer, run->items, run->n_items, run->judgement->inventory->arch);
        r = archives_check_space(&run->installer, &all.step, run->judgement->inventory->arch, diag);
        if (r < 0)
                return r;
        service_progress(run->service, "downloading", "fetching the approved packages", 0);
        return attempt_fetch(run, &all, diag);
}

/* ---- one by one ---- */

static void log_package(const struct run *run, const struct outcome_package *package)
{
        const struct event_fields fields = {
            .run_id = run->run_id,
            .policy_id = run->outcome->policy_id,
            .policy_version = run->outcome->policy_version,
            .package = package->name,
            .version_from = package->version_from,
            .version_to = package->version_to,
            .result = enum_name(&package_result_names, (int)package->result),
            .advisories = package->advisories,
            .reason = package->message,
        };

        log_event(attempt_is_done(package) ? EVENT_PACKAGE_UPDATED : EVENT_PACKAGE_FAILED, &fields);
}

struct closure {
        const struct run *run;
        size_t first, end; /* of the step's items */
        bool *wanted;      /* per item of the run */
        bool grew;
};

static int want_dependency(const struct dependency *dependency, void *arg)
{
        struct closure *closure = arg;

        for (size_t i = closure->first; i < closure->end; i++)
                if (!closure->wanted[i] &&
                    strcmp(closure->run->items[i]->name, dependency->name) == 0 &&
                    !attempt_is_done(&closure->run->outcome->packages[i]))
                        closure->wanted[i] = closure->grew = true;
        return 0;
}

/* The package and, over any number of links, what of the step it depends on. */
static int add_closure(const struct run *run, size_t first, size_t end, size_t index,
                       struct attempt *attempt)
{
        CLEANUP(freep) bool *wanted = calloc(run->n_items + 1, sizeof(*wanted));
        struct closure closure = {.run = run, .first = first, .end = end, .wanted = wanted};

        if (!wanted)
                return -ENOMEM;
        wanted[index] = true;
        do {
                closure.grew = false;
                for (size_t i = first; i < end; i++)
                        if (wanted[i])
                                (void)dependency_for_each(run->items[i]->target->depends ?: "",
                                                          want_dependency, &closure);
        } while (closure.grew);
        for (size_t i = first; i < end; i++)
                if (wanted[i])
                        attempt_add(run, attempt, i);
        return 0;
}

static int skip(struct run *run, size_t first, size_t end, const char *reason)
{
        int r = 0;

        for (size_t i = first; r >= 0 && i < end; i++)
                if (run->outcome->packages[i].result == PACKAGE_SKIPPED)
                        r = attempt_set_result(run, i, PACKAGE_SKIPPED, reason);
        return r;
}

/* What failed together may work alone. */
static int retry_one_by_one(struct run *run, size_t first, size_t end, struct diag *diag)
{
        int r = 0;

        for (size_t i = first; r >= 0 && i < end; i++) {
                CLEANUP(attempt_done) struct attempt attempt = {0};
                CLEANUP(freep) char *reason = run_stop_reason(run);

                if (!reason)
                        return -ENOMEM;
                if (reason[0])
                        return 0;
                if (attempt_is_done(&run->outcome->packages[i]) || run->items[i]->is_new)
                        continue;
                r = attempt_init(run, &attempt);
                if (r >= 0)
                        r = add_closure(run, first, end, i, &attempt);
                if (r >= 0 && attempt.step.n_items < end - first)
                        r = attempt_run(run, &attempt, diag);
        }
        return r;
}

static bool all_done(const struct run *run, size_t first, size_t end)
{
        for (size_t i = first; i < end; i++)
                if (!attempt_is_done(&run->outcome->packages[i]))
                        return false;
        return true;
}

static int run_step(struct run *run, size_t first, size_t end, struct diag *diag)
{
        CLEANUP(attempt_done) struct attempt attempt = {0};
        int r = attempt_init(run, &attempt);

        if (r < 0)
                return r;
        for (size_t i = first; i < end; i++)
                attempt_add(run, &attempt, i);
        r = attempt_run(run, &attempt, diag);
        if (r >= 0 && end - first > 1 && !all_done(run, first, end))
                r = retry_one_by_one(run, first, end, diag);
        for (size_t i = first; r >= 0 && i < end; i++)
                log_package(run, &run->outcome->packages[i]);
        return r;
}

int steps_run(struct run *run, struct diag *diag)
{
        size_t first = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < run->plan->n_steps; i++) {
                size_t end = first + run->plan->steps[i].n_items;
                CLEANUP(freep) char *reason = run_stop_reason(run);

                if (!reason)
                        return -ENOMEM;
                if (reason[0])
                        return skip(run, first, run->n_items, reason);
                r = run_step(run, first, end, diag);
                first = end;
        }
        return r;
}
