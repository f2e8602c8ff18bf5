/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/bar.h"

#include "base/str.h"
#include "ctl/print.h"

#include <string.h>

enum {
        BAR_MIN_COLUMNS = 10,
        BAR_MAX_COLUMNS = 30,
        PERCENT_COLUMNS = 4, /* "100%" */
        LABEL_MIN_COLUMNS = 12,
        BYTES_PER_KB = 1000,
        BYTES_PER_MB = 1000 * 1000,
};

/* ---- parts ---- */

static char *bytes_part(const struct progress *progress)
{
        int64_t unit = progress->bytes_total >= BYTES_PER_MB ? BYTES_PER_MB : BYTES_PER_KB;

        if (progress->bytes_total < 0 || progress->bytes_done < 0)
                return strdup("");
        return str_format("%.1f/%.1f %s", (double)progress->bytes_done / (double)unit,
                          (double)progress->bytes_total / (double)unit,
                          unit == BYTES_PER_MB ? "MB" : "kB");
}

static char *step_part(const struct progress *progress)
{
        return progress->step > 0 ? str_format("%lld/%lld", (long long)progress->step,
                                               (long long)progress->n_steps)
                                  : strdup("");
}

/* What the package manager says names the package most of the time. */
static char *label_part(const struct progress *progress)
{
        CLEANUP(str_done) struct str label = {0};
        const char *text = progress->text[0] ? progress->text : progress->state;
        char *taken = NULL;

        if (progress->package && !strstr(text, progress->package)) {
                str_append_printable(&label, progress->package);
                str_append(&label, ": ");
        }
        str_append_printable(&label, text);
        return str_take(&label, &taken) < 0 ? NULL : taken;
}

/* ---- a line for a terminal ---- */

static void cut(char *text, size_t columns)
{
        for (; *text; text++) {
                if ((*text & 0xc0) == 0x80)
                        continue;
                if (columns-- == 0)
                        break;
        }
        *text = '\0';
}

/* Gives the columns that it takes, with the blank behind it; 0 when it has no room. */
static size_t fit(const char *part, size_t *room)
{
        size_t columns = print_width(part);

        if (columns == 0 || *room < columns + 1 + LABEL_MIN_COLUMNS)
                return 0;
        *room -= columns + 1;
        return columns + 1;
}

static size_t bar_columns(size_t columns)
{
        size_t wanted = columns / 4;

        return wanted > BAR_MAX_COLUMNS ? BAR_MAX_COLUMNS : wanted;
}

static void append_bar(struct str *line, size_t columns, int64_t percent, bool colour)
{
        size_t filled = percent < 0 ? 0 : (size_t)percent * columns / 100;

        str_append_char(line, '[');
        str_append(line, print_tone(colour, TONE_GOOD));
        for (size_t i = 0; i < filled; i++)
                str_append_char(line, '#');
        str_append(line, print_tone_end(colour, TONE_GOOD));
        for (size_t i = filled; i < columns; i++)
                str_append_char(line, '-');
        str_append(line, "] ");
}

char *bar_line(const struct progress *progress, size_t columns, bool colour)
{
        CLEANUP(freep) char *bytes = bytes_part(progress), *step = step_part(progress);
        CLEANUP(freep) char *label = label_part(progress);
        CLEANUP(str_done) struct str line = {0};
        size_t room = columns > 0 ? columns - 1 : 0, bar = bar_columns(columns);
        size_t step_columns, bytes_columns;
        char *taken = NULL;

        if (!bytes || !step || !label)
                return NULL;
        if (room < PERCENT_COLUMNS)
                return strdup("");
        room -= PERCENT_COLUMNS;
        step_columns = fit(step, &room);
        bytes_columns = fit(bytes, &room);
        if (bar >= BAR_MIN_COLUMNS && room >= bar + strlen("[] ") + 2 * LABEL_MIN_COLUMNS) {
                append_bar(&line, bar, progress->percent, colour);
                room -= bar + strlen("[] ");
        }
        if (progress->percent >= 0)
                str_appendf(&line, "%3d%%", (int)progress->percent);
        else
                str_append(&line, "    ");
        if (step_columns > 0)
                str_appendf(&line, " %s", step);
        if (bytes_columns > 0)
                str_appendf(&line, " %s", bytes);
        if (room > 1) {
                cut(label, room - 1);
                str_appendf(&line, " %s", label);
        }
        return str_take(&line, &taken) < 0 ? NULL : taken;
}

/* ---- a line of text ---- */

char *bar_text(const struct progress *progress)
{
        CLEANUP(freep) char *bytes = bytes_part(progress), *step = step_part(progress);
        CLEANUP(freep) char *label = label_part(progress);
        CLEANUP(str_done) struct str line = {0};
        char *taken = NULL;

        if (!bytes || !step || !label)
                return NULL;
        if (progress->percent >= 0)
                str_appendf(&line, "%d%%", (int)progress->percent);
        if (step[0])
                str_appendf(&line, "%sstep %s", line.length > 0 ? ", " : "", step);
        if (bytes[0])
                str_appendf(&line, "%s%s", line.length > 0 ? ", " : "", bytes);
        str_appendf(&line, "%s%s", line.length > 0 ? ": " : "", label);
        return str_take(&line, &taken) < 0 ? NULL : taken;
}
