/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/run/pace.h"

#include "apply/reboot/reboot_book.h"
#include "host/clock.h"
#include "host/log.h"

#include <string.h>

#define ESTIMATES_FILE "estimates.json"

enum { USEC_PER_MSEC = 1000 };

int64_t pace_now_msec(void)
{
        return (int64_t)(clock_now_usec() / USEC_PER_MSEC);
}

static int load_reserve(struct run *run)
{
        const struct assignment *assignment = run->judgement->decisions->assignment;
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        int r;

        if (!assignment || assignment->reboot == REBOOT_NEVER)
                return 0;
        r = reboot_book_read(run->service->paths, &book);
        if (r < 0)
                return r;
        run->reserve_seconds = reboot_reserve_seconds(book.durations_seconds, book.n_durations);
        return 0;
}

int pace_load(struct run *run)
{
        CLEANUP(json_freep) struct json *json = NULL;
        int r = state_read_json(run->service->paths, ESTIMATES_FILE, &json);

        if (r >= 0)
                r = estimates_read(json, &run->estimates);
        return r < 0 ? r : load_reserve(run);
}

char *pace_stop_reason(const struct run *run, int64_t msec)
{
        CLEANUP(freep) char *reason = run_stop_reason(run), *refusal = NULL;

        if (!reason || reason[0] != '\0' || run->ignores_window)
                return TAKE_PTR(reason);
        if (estimate_refusal(&run->opening, time(NULL), msec, run->reserve_seconds, &refusal) < 0)
                return NULL;
        return TAKE_PTR(refusal) ?: TAKE_PTR(reason);
}

int pace_learn(struct run *run, const struct plan_step *step, int64_t began_msec)
{
        CLEANUP(freep) char *text = NULL;
        struct diag why = {0};
        int r = estimates_learn(&run->estimates, step, pace_now_msec() - began_msec, time(NULL));

        if (r >= 0)
                r = estimates_to_text(&run->estimates, &text);
        if (r < 0)
                return r;
        r = state_write_text(run->service->paths, ESTIMATES_FILE, text, &why);
        if (r < 0)
                log_line(LOG_LEVEL_WARNING, "how long the step took is not kept: %s",
                         diag_text(&why, r));
        return r == -ENOMEM ? r : 0;
}
