/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show.h"

#include "base/str.h"
#include "ctl/bar.h"

#include <stdio.h>
#include <sys/ioctl.h>

#define WIPE "\r\033[K"

enum { COLUMNS_DEFAULT = 80 };

void show_begin(const struct ctl *ctl, struct show *ret)
{
        bool is_terminal = isatty(STDERR_FILENO) && !str_equal(getenv("TERM"), "dumb");

        *ret = (struct show){.is_silent = ctl->json,
                             .is_terminal = is_terminal,
                             .colour = is_terminal && !getenv("NO_COLOR")};
}

static size_t columns_now(void)
{
        struct winsize size = {0};

        return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                               : COLUMNS_DEFAULT;
}

static void draw(struct show *show, const struct progress *progress)
{
        char *line = bar_line(progress, columns_now(), show->colour);

        if (!show->is_drawn || !str_equal(line, show->last))
                (void)fprintf(stderr, WIPE "%s", line ?: "");
        show->is_drawn = true;
        free(show->last);
        show->last = line;
}

static void tell(struct show *show, const struct progress *progress)
{
        char *key = str_format("%s %lld", progress->state, (long long)progress->step);
        bool is_new = !str_equal(key, show->last);
        CLEANUP(freep) char *line = is_new ? bar_text(progress) : NULL;

        free(show->last);
        show->last = key;
        if (line)
                (void)fprintf(stderr, "%s\n", line);
}

void show_progress(struct show *show, const struct progress *progress)
{
        if (show->is_silent)
                return;
        if (show->is_terminal)
                draw(show, progress);
        else
                tell(show, progress);
}

void show_end(struct show *show)
{
        if (show->is_drawn)
                (void)fprintf(stderr, WIPE);
        free(show->last);
        *show = (struct show){.is_silent = true};
}
