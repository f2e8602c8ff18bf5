/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Answers questions about windows for check_windows.py, one line each:
 *     RRULE ZONE_FILE START_MINUTES DURATION_MINUTES OFFSET_DAYS ANCHOR EXCEPT_FROM EXCEPT_TO FROM
 * TO (dates, "-" for none; FROM and TO are seconds) is answered with the opens_at of every opening
 * from FROM to before TO, in seconds, blanks between, a newline behind.
 */

#include "policy/window.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct question {
        char rrule[RRULE_TEXT_MAX + 1], zone_file[513], anchor[11], except_from[11], except_to[11];
        int start_minutes;
        int64_t duration_minutes, offset_days, from, to;
};

static int read_question(FILE *input, struct question *ret)
{
        return fscanf(
            input, "%512s %512s %d %" SCNd64 " %" SCNd64 " %10s %10s %10s %" SCNd64 " %" SCNd64,
            ret->rrule, ret->zone_file, &ret->start_minutes, &ret->duration_minutes,
            &ret->offset_days, ret->anchor, ret->except_from, ret->except_to, &ret->from, &ret->to);
}

static int load_zone(const char *path, struct zone **ret, struct diag *diag)
{
        CLEANUP(freep) char *bytes = malloc(ZONE_SIZE_MAX);
        FILE *file = fopen(path, "re");
        size_t size;

        if (!file || !bytes)
                return diag_fail(diag, -ENOENT, "%s can't be read", path);
        size = fread(bytes, 1, ZONE_SIZE_MAX, file);
        (void)fclose(file);
        return zone_parse(bytes, size, ret, diag);
}

static int read_date(const char *text, struct date *ret)
{
        return strcmp(text, "-") == 0 ? 0 : date_from_text(text, ret);
}

/* Fills window, which ends with at most one exception; the caller releases it. */
static int make_window(const struct question *question, struct window *window, struct diag *diag)
{
        struct window_exception *exception = calloc(1, sizeof(*exception));
        int r;

        if (!exception)
                return -ENOMEM;
        window->exceptions = exception;
        window->n_exceptions = strcmp(question->except_from, "-") != 0;
        window->name = strdup("asked");
        window->start_minutes = question->start_minutes;
        window->duration_minutes = question->duration_minutes;
        window->offset_days = question->offset_days;
        if (read_date(question->anchor, &window->anchor) < 0 ||
            read_date(question->except_from, &exception->from) < 0 ||
            read_date(question->except_to, &exception->to) < 0)
                return diag_fail(diag, -EINVAL, "a date is not YYYY-MM-DD");
        r = rrule_parse(question->rrule, &window->rrule, diag);
        if (r < 0)
                return r;
        r = load_zone(question->zone_file, &window->zone, diag);
        if (r < 0)
                return r;
        return window_validate(window, diag);
}

/* Asks as the agent does: what is next, and from its end on again. */
static void print_openings(const struct window *window, int64_t from, int64_t to)
{
        struct opening opening;
        time_t now = from;

        for (; window_next(window, now, &opening) && opening.opens_at < to; now = opening.closes_at)
                if (opening.opens_at >= from)
                        printf("%" PRId64 " ", (int64_t)opening.opens_at);
        putchar('\n');
}

int main(void)
{
        struct question question;
        int n;

        while ((n = read_question(stdin, &question)) == 10) {
                CLEANUP(window_done) struct window window = {0};
                struct diag diag = {0};
                int r = make_window(&question, &window, &diag);

                if (r < 0) {
                        (void)fprintf(stderr, "%s: %s\n", question.rrule, diag_text(&diag, r));
                        return EXIT_FAILURE;
                }
                print_openings(&window, question.from, question.to);
        }
        return n == EOF ? EXIT_SUCCESS : EXIT_FAILURE;
}
