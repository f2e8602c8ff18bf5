/* SPDX-License-Identifier: Apache-2.0 */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include "host/log.h"

#include "base/str.h"
#include "base/strv.h"
#include "host/event.h"

#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

enum { ENTRY_FIELDS_MAX = 32 };

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* The one mutable state of this program family: set once by main(), before anything else runs. */
static struct {
        const char *identifier;
        enum log_level level;
} settings = {.identifier = "patchd", .level = LOG_LEVEL_INFO};

void log_open(const char *identifier, enum log_level level)
{
        settings.identifier = identifier;
        settings.level = level;
}

static void write_stderr(const struct strv *entry)
{
        (void)fprintf(stderr, "%s: %s\n", settings.identifier,
                      entry->items[0] + strlen("MESSAGE="));
}

/* sd_journal_sendv() gives success where there is no journal, so that is asked before. */
static void send_entry(const struct strv *entry)
{
        struct iovec fields[ENTRY_FIELDS_MAX];
        size_t n = 0;

        if (isatty(STDERR_FILENO) || access(JOURNAL_SOCKET, F_OK) < 0) {
                write_stderr(entry);
                return;
        }
        for (; n < entry->n_items && n < ELEMENTSOF(fields); n++)
                fields[n] =
                    (struct iovec){.iov_base = entry->items[n], .iov_len = strlen(entry->items[n])};
        if (sd_journal_sendv(fields, (int)n) < 0)
                write_stderr(entry);
}

void log_event(enum event event, const struct event_fields *fields)
{
        CLEANUP(strv_done) struct strv entry = {0};

        if (event_level(event) > settings.level)
                return;
        if (event_format(event, fields, settings.identifier, &entry) >= 0)
                send_entry(&entry);
}

void log_line(enum log_level level, const char *format, ...)
{
        CLEANUP(strv_done) struct strv entry = {0};
        CLEANUP(str_done) struct str text = {0};
        va_list args;

        if (level > settings.level)
                return;
        va_start(args, format);
        str_vappendf(&text, format, args);
        va_end(args);
        if (!text.failed && event_format_line(level, text.data, settings.identifier, &entry) >= 0)
                send_entry(&entry);
}
