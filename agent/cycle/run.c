/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/run.h"

void run_opening(const struct decisions *decisions, time_t now, struct opening *ret)
{
        const struct assignment *assignment = decisions->assignment;
        struct opening opening = {0};

        *ret = (struct opening){0};
        if (assignment && assignment->window && window_next(assignment->window, now, &opening))
                *ret = opening;
}

bool run_is_open(const struct opening *opening, time_t now)
{
        return opening->opens_at > 0 && now >= opening->opens_at && now < opening->cutoff_at;
}

enum run_choice run_choose(const struct run_question *question, struct opening *ret)
{
        run_opening(question->decisions, question->now, ret);
        if (!question->decisions->may_apply || ret->opens_at == 0)
                return RUN_NOTHING;
        if (question->n_planned == 0 && !question->reboot_required)
                return RUN_NOTHING;
        if (question->now >= ret->opens_at)
                return run_is_open(ret, question->now) ? RUN_APPLY : RUN_NOTHING;
        if (question->n_planned > 0 && question->now >= ret->opens_at - RUN_LEAD_SECONDS)
                return RUN_DOWNLOAD;
        return RUN_NOTHING;
}

int64_t run_attempts_max(const struct run_question *question)
{
        return question->n_planned > 0 ? RUN_ATTEMPTS_MAX : 1;
}
