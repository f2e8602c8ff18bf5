/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/print.h"

#include "base/str.h"
#include "base/timetext.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char *const tones[] = {
    [TONE_PLAIN] = "",        [TONE_GOOD] = "\033[32m", [TONE_BAD] = "\033[31m",
    [TONE_WARN] = "\033[33m", [TONE_DIM] = "\033[2m",   [TONE_BOLD] = "\033[1m",
};

const char *print_tone(bool colour, enum tone tone)
{
        return colour ? tones[tone] : "";
}

const char *print_tone_end(bool colour, enum tone tone)
{
        return colour && tone != TONE_PLAIN ? "\033[0m" : "";
}

/* ---- tables ---- */

void table_add(struct table *table, enum tone tone, const char *const *cells)
{
        enum tone *row_tones = reallocarray(table->tones, table->n_rows + 1, sizeof(*row_tones));

        if (!row_tones) {
                table->failed = true;
                return;
        }
        table->tones = row_tones;
        table->tones[table->n_rows] = tone;
        for (size_t i = 0; i < table->n_columns; i++)
                if (strv_add(&table->cells, cells[i] ?: "-") < 0)
                        table->failed = true;
        table->n_rows++;
}

size_t print_width(const char *text)
{
        size_t width = 0;

        for (; *text; text++)
                width += (*text & 0xc0) != 0x80;
        return width;
}

static void measure(const struct table *table, size_t widths[static TABLE_COLUMNS_MAX])
{
        for (size_t row = 0; row < table->n_rows; row++)
                for (size_t i = 0; i < table->n_columns; i++) {
                        size_t width = print_width(table->cells.items[row * table->n_columns + i]);

                        widths[i] = width > widths[i] ? width : widths[i];
                }
}

void table_print(const struct table *table, bool colour)
{
        size_t widths[TABLE_COLUMNS_MAX] = {0};

        if (table->failed) {
                (void)fprintf(stderr, "patchctl: out of memory\n");
                return;
        }
        measure(table, widths);
        for (size_t row = 0; row < table->n_rows; row++) {
                enum tone tone = table->tones[row];

                for (size_t i = 0; i < table->n_columns; i++) {
                        const char *cell = table->cells.items[row * table->n_columns + i];
                        enum tone cell_tone = i == 0 || tone == TONE_BOLD ? tone : TONE_PLAIN;
                        bool last = i + 1 == table->n_columns;
                        size_t pad = last ? 0 : widths[i] - print_width(cell) + 2;

                        printf("%s%s%s%*s", print_tone(colour, cell_tone), cell,
                               print_tone_end(colour, cell_tone), (int)pad, "");
                }
                printf("\n");
        }
}

void table_done(struct table *table)
{
        strv_done(&table->cells);
        free(table->tones);
        *table = (struct table){0};
}

/* ---- times ---- */

void print_duration(int64_t seconds, char *buffer, size_t size)
{
        long long days = seconds / SECONDS_PER_DAY;
        long long hours = seconds % SECONDS_PER_DAY / SECONDS_PER_HOUR;
        long long minutes = seconds % SECONDS_PER_HOUR / SECONDS_PER_MINUTE;

        if (days > 0 && hours > 0)
                (void)snprintf(buffer, size, "%lld d %lld h", days, hours);
        else if (days > 0)
                (void)snprintf(buffer, size, "%lld d", days);
        else if (hours > 0 && minutes > 0)
                (void)snprintf(buffer, size, "%lld h %lld min", hours, minutes);
        else if (hours > 0)
                (void)snprintf(buffer, size, "%lld h", hours);
        else if (minutes > 0)
                (void)snprintf(buffer, size, "%lld min", minutes);
        else
                (void)snprintf(buffer, size, "%lld s", (long long)seconds);
}

char *print_when(time_t time, time_t now)
{
        char text[TIME_TEXT_SIZE], distance[64];

        if (time == 0)
                return strdup("never");
        print_duration(time > now ? time - now : now - time, distance, sizeof(distance));
        return str_format("%s (%s%s%s)", time_to_rfc3339(time, text), time > now ? "in " : "",
                          distance, time > now ? "" : " ago");
}
