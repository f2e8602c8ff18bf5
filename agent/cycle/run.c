/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/run.h"

static bool has_work(const struct run_question *question)
{
        return question->n_planned > 0 || question->operation || question->operation_now;
}

enum run_choice run_choose(const struct run_question *question, struct opening *ret)
{
        const struct assignment *assignment = question->decisions->assignment;
        struct opening opening = {0};

        *ret = opening;
        if (!question->decisions->may_apply || !assignment)
                return RUN_NOTHING;
        if (!assignment->window || !window_next(assignment->window, question->now, &opening))
                return question->operation_now ? RUN_APPLY : RUN_NOTHING;
        *ret = opening;
        if (question->operation_now)
                return RUN_APPLY;
        if (!has_work(question) && !question->reboot_required)
                return RUN_NOTHING;
        if (question->now >= opening.opens_at)
                return question->now < opening.cutoff_at ? RUN_APPLY : RUN_NOTHING;
        if (question->n_planned > 0 && question->now >= opening.opens_at - RUN_LEAD_SECONDS)
                return RUN_DOWNLOAD;
        return RUN_NOTHING;
}

bool run_may_try(const struct run_question *question, int64_t attempts)
{
        return attempts < (has_work(question) ? RUN_ATTEMPTS_MAX : 1);
}
