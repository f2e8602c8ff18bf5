/* SPDX-License-Identifier: Apache-2.0 */
#include "report/progress.h"

enum { PERCENT_MAX = 100 };

struct progress progress_of(const char *state, const char *text)
{
        return (struct progress){
            .state = state, .text = text, .percent = -1, .bytes_done = -1, .bytes_total = -1};
}

/* ---- JSON ---- */

static const struct {
        const char *name;
        size_t offset;
        int64_t min, max;
        int64_t unknown;
} numbers[] = {
    {"percent", offsetof(struct progress, percent), 0, PERCENT_MAX, -1},
    {"step", offsetof(struct progress, step), 1, INT64_MAX, 0},
    {"n_steps", offsetof(struct progress, n_steps), 1, INT64_MAX, 0},
    {"bytes_done", offsetof(struct progress, bytes_done), 0, INT64_MAX, -1},
    {"bytes_total", offsetof(struct progress, bytes_total), 0, INT64_MAX, -1},
};

void progress_write(const struct progress *progress, struct json_writer *writer)
{
        json_add_string(writer, "state", progress->state);
        json_add_string(writer, "text", progress->text);
        if (progress->package)
                json_add_string(writer, "package", progress->package);
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                int64_t value = *(const int64_t *)((const char *)progress + numbers[i].offset);

                if (value >= numbers[i].min)
                        json_add_int(writer, numbers[i].name, value);
        }
}

char *progress_to_text(const struct progress *progress)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        char *text = NULL;

        json_begin_object(writer, NULL);
        progress_write(progress, writer);
        json_end(writer);
        return json_writer_finish(writer, false, &text) < 0 ? NULL : text;
}

struct progress progress_read(const struct json *object)
{
        struct progress progress = progress_of(json_get_string(object, "state") ?: "",
                                               json_get_string(object, "text") ?: "");

        progress.package = json_get_string(object, "package");
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                int64_t value = json_get_int(object, numbers[i].name, numbers[i].unknown);

                if (value < numbers[i].min || value > numbers[i].max)
                        value = numbers[i].unknown;
                *(int64_t *)((char *)&progress + numbers[i].offset) = value;
        }
        if (progress.step > progress.n_steps)
                progress.step = progress.n_steps = 0;
        if (progress.bytes_done > progress.bytes_total)
                progress.bytes_done = progress.bytes_total = -1;
        return progress;
}

/* ---- percent ---- */

static int64_t bound(int64_t value, int64_t min, int64_t max)
{
        return value < min ? min : value > max ? max : value;
}

void progress_meter_enter(struct progress_meter *meter, int64_t from, int64_t to)
{
        meter->from = bound(from, 0, PROGRESS_WHOLE);
        meter->to = bound(to, meter->from, PROGRESS_WHOLE);
}

int64_t progress_meter_reach(struct progress_meter *meter, int64_t done, int64_t total)
{
        double share = total > 0 ? (double)bound(done, 0, total) / (double)total : 0;
        int64_t at = meter->from + (int64_t)(share * (double)(meter->to - meter->from));

        if (at > meter->highest)
                meter->highest = at;
        return meter->highest * PERCENT_MAX / PROGRESS_WHOLE;
}
