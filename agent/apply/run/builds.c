/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/run/builds.h"

#include "apply/packages/archives.h"
#include "base/str.h"
#include "decide/waiting.h"
#include "host/build_dates.h"
#include "host/deb_archive.h"
#include "host/log.h"

#include <string.h>

enum { BYTES_PER_MB = 1000 * 1000 };

struct reading {
        struct run *run;
        struct build_dates dates;
        struct builds_result result;
};

static const char *native_arch(const struct run *run)
{
        return run->judgement->inventory->arch;
}

/* ---- what is kept ---- */

static int keep(struct reading *reading, const struct plan_item *item, time_t built_at,
                const char *note)
{
        struct build_date entry = {.name = strdup(item->name),
                                   .arch = strdup(item->arch),
                                   .version = strdup(item->version_to),
                                   .built_at = built_at,
                                   .note = note ? strdup(note) : NULL};

        memcpy(entry.sha256, item->target->file.sha256, sizeof(entry.sha256));
        reading->result.n_read++;
        if (!entry.name || !entry.arch || !entry.version || (note && !entry.note) ||
            build_dates_add(&reading->dates, &entry) < 0) {
                free(entry.name);
                free(entry.arch);
                free(entry.version);
                free(entry.note);
                return -ENOMEM;
        }
        return 0;
}

static int keep_too_large(struct reading *reading, const struct plan_item *item)
{
        CLEANUP(freep)
        char *note = str_format("its archive is larger than the %d MB that are fetched for a date",
                                BUILDS_FETCH_MAX_BYTES / BYTES_PER_MB);

        return note ? keep(reading, item, 0, note) : -ENOMEM;
}

/* ---- choosing ---- */

/* Leaves in the step what this call fetches. */
static int choose(struct reading *reading, struct plan_step *step)
{
        size_t n_chosen = 0;
        int64_t bytes = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < step->n_items; i++) {
                const struct plan_item item = step->items[i];
                int64_t size = item.target->file.size_bytes;

                if (size > BUILDS_FETCH_MAX_BYTES) {
                        r = keep_too_large(reading, &item);
                } else if (n_chosen == BUILDS_FETCH_MAX || bytes + size > BUILDS_FETCH_MAX_BYTES) {
                        reading->result.n_left++;
                } else {
                        bytes += size;
                        step->items[n_chosen++] = item;
                }
        }
        step->n_items = n_chosen;
        return r;
}

/* ---- reading ---- */

static int read_one(struct reading *reading, const struct plan_item *item, struct diag *diag)
{
        CLEANUP(closep) int fd = -EBADF;
        CLEANUP(freep) char *note = NULL;
        struct diag why = {0};
        time_t built_at = 0;
        int r = archives_open(&reading->run->installer, item, native_arch(reading->run), &fd, &why);

        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                reading->result.n_failed++;
                log_line(LOG_LEVEL_WARNING, "%s %s: its date of building can't be read: %s",
                         item->name, item->version_to, diag_text(&why, r));
                return 0;
        }
        r = deb_archive_date(fd, item->name, &built_at, &note, diag);
        return r < 0 ? r : keep(reading, item, built_at, note);
}

static int fetch_and_read(struct reading *reading, const struct plan_step *step, struct diag *diag)
{
        struct run *run = reading->run;
        struct diag why = {0};
        int r = archives_check_space(&run->installer, step, native_arch(run), &why);

        if (r >= 0) {
                service_progress(run->service, "downloading",
                                 "fetching what waits for its date of building");
                r = archives_fetch_versions(&run->installer, step, native_arch(run), &why);
        }
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                log_line(LOG_LEVEL_WARNING, "dates of building are not read: %s",
                         diag_text(&why, r));
                reading->result.n_failed += step->n_items;
                return 0;
        }
        for (size_t i = 0; r >= 0 && i < step->n_items; i++)
                r = read_one(reading, &step->items[i], diag);
        return r;
}

static int write_dates(const struct reading *reading, struct diag *diag)
{
        CLEANUP(freep) char *text = NULL;
        int r;

        if (reading->result.n_read == 0)
                return 0;
        r = build_dates_write(&reading->dates, reading->run->judgement->inventory, &text);
        return r < 0 ? r
                     : state_write_text(reading->run->service->paths, BUILD_DATES_FILE, text, diag);
}

int builds_read(struct run *run, struct builds_result *ret, struct diag *diag)
{
        struct reading reading = {.run = run};
        struct plan_step step = {0};
        int r = waiting_list(run->judgement->decisions, true, &step);

        if (r >= 0 && step.n_items > 0)
                r = build_dates_read(run->service->paths, &reading.dates, diag);
        if (r >= 0)
                r = choose(&reading, &step);
        if (r >= 0 && step.n_items > 0)
                r = fetch_and_read(&reading, &step, diag);
        if (r >= 0)
                r = write_dates(&reading, diag);
        if (r >= 0)
                *ret = reading.result;
        free(step.items);
        build_dates_done(&reading.dates);
        return r;
}

/* ---- tidying up ---- */

void builds_prune(const struct run *run, const struct plan_item *const *kept, size_t n)
{
        struct plan_step waiting = {0};

        if (waiting_list(run->judgement->decisions, false, &waiting) < 0)
                return;
        archives_prune(&run->installer, kept, n, &waiting, native_arch(run));
        free(waiting.items);
}
