/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/deb_changelog.h"

#include "base/timetext.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static const char trailer_mark[] = " -- ";

void deb_changelog_done(struct deb_changelog *changelog)
{
        str_done(&changelog->line);
        *changelog = (struct deb_changelog){0};
}

/* "openssl (3.0.17-1~deb12u3) bookworm-security; urgency=medium" */
static bool is_head(const char *line)
{
        size_t n_name = strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789+-.");
        const char *close = strchr(line, ')');

        return n_name > 0 && str_has_prefix(line + n_name, " (") && close && strchr(close, ';');
}

/* " -- Name <mail>  Mon, 16 Nov 2026 09:30:00 +0100" */
static enum deb_changelog_state read_trailer(const char *line, time_t *ret)
{
        const char *end = strrchr(line, '>');

        return end && time_from_rfc5322(end + 1, ret) >= 0 ? DEB_CHANGELOG_DATED
                                                           : DEB_CHANGELOG_FOREIGN;
}

static void take_line(struct deb_changelog *changelog, char *line)
{
        size_t length = strlen(line);

        while (length > 0 && isspace((unsigned char)line[length - 1]))
                line[--length] = '\0';
        if (length == 0)
                return;
        if (changelog->state == DEB_CHANGELOG_HEAD)
                changelog->state = is_head(line) ? DEB_CHANGELOG_ENTRY : DEB_CHANGELOG_FOREIGN;
        else if (str_has_prefix(line, trailer_mark))
                changelog->state = read_trailer(line, &changelog->date);
}

static int end_line(struct deb_changelog *changelog)
{
        CLEANUP(freep) char *line = NULL;
        int r = str_take(&changelog->line, &line);

        if (r >= 0)
                take_line(changelog, line);
        return r;
}

static void add_to_line(struct str *line, const char *bytes, size_t size)
{
        size_t room = DEB_CHANGELOG_LINE_MAX_BYTES - line->length;

        str_append_n(line, bytes, size < room ? size : room);
}

int deb_changelog_add(struct deb_changelog *changelog, const char *bytes, size_t size)
{
        while (size > 0 && changelog->state <= DEB_CHANGELOG_ENTRY) {
                const char *newline = memchr(bytes, '\n', size);
                size_t length = newline ? (size_t)(newline - bytes) : size;
                int r = 0;

                add_to_line(&changelog->line, bytes, length);
                if (newline)
                        r = end_line(changelog);
                if (r < 0)
                        return r;
                bytes += length + (newline != NULL);
                size -= length + (newline != NULL);
        }
        return changelog->line.failed ? -ENOMEM : 0;
}
