/* SPDX-License-Identifier: Apache-2.0 */
#include "host/event.h"

#include "base/str.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* Stable for ever: other people's rules match these ids and names. */
static const struct {
        const char *name, *message_id;
        enum log_level level;
        const char *sentence;
} events[N_EVENTS] = {
    [EVENT_POLICY_ACCEPTED] = {"policy-accepted", "5ae10f39ce8e4b7e8083d9060fa636de",
                               LOG_LEVEL_NOTICE, "A new policy is in force"},
    [EVENT_POLICY_REJECTED] = {"policy-rejected", "e74c7ac2bb5647328ad7a431a6ffffc7",
                               LOG_LEVEL_ERROR,
                               "A policy was rejected, the last good one stays in force"},
    [EVENT_POLICY_EXPIRED] =
        {"policy-expired", "a32dac24bc264ecca86182b5acb7d932", LOG_LEVEL_ERROR,
         "The policy has expired, nothing is applied until a newer one arrives"},
    [EVENT_POLICY_UNREACHABLE] =
        {"policy-unreachable", "20b20c582f744d7cbe814fab774d8966", LOG_LEVEL_WARNING,
         "The control endpoint does not answer, the last good policy stays in force"},
    [EVENT_POLICY_REACHABLE] = {"policy-reachable", "5052d159e7de4aefb85b20cd8171c360",
                                LOG_LEVEL_NOTICE, "The control endpoint answers again"},
    [EVENT_POLICY_RESET] = {"policy-reset", "9d1b7f2a60e54c0f8a3f5d2c7be4916e", LOG_LEVEL_WARNING,
                            "The highest policy version seen was forgotten"},
    [EVENT_FEED_ACCEPTED] = {"feed-accepted", "4140ea70f30746738634e048b58fccd5", LOG_LEVEL_NOTICE,
                             "A feed of advisories is in use"},
    [EVENT_FEED_REJECTED] = {"feed-rejected", "f03f1c2e9ff1435a8dabd19102182c93", LOG_LEVEL_ERROR,
                             "A feed of advisories could not be taken over"},
    [EVENT_SCAN_FINISHED] = {"scan-finished", "d244ac3c2dc8460c92e9ce477b140e8f", LOG_LEVEL_INFO,
                             "The node was scanned"},
    [EVENT_RUN_STARTED] = {"run-started", "fe7f5734269d4a2a84f96ee82fe96d69", LOG_LEVEL_NOTICE,
                           "A run started"},
    [EVENT_RUN_FINISHED] = {"run-finished", "9eccd8ba40924dc8a4da91c24e1449ed", LOG_LEVEL_NOTICE,
                            "A run finished"},
    [EVENT_RUN_REFUSED] = {"run-refused", "7af764182d484007b87f2d8386a216bf", LOG_LEVEL_WARNING,
                           "A run was refused"},
    [EVENT_RUN_REPAIRED] = {"run-repaired", "270abb939f09491cac676ac85bf0b1b7", LOG_LEVEL_WARNING,
                            "An interrupted run was found and repaired"},
    [EVENT_PACKAGE_UPDATED] = {"package-updated", "197b7dbb266641029e7b413ad09b33c0",
                               LOG_LEVEL_NOTICE, "A package was updated"},
    [EVENT_PACKAGE_FAILED] = {"package-failed", "277ac14b897a43bb9c6732fd1fc5bd51", LOG_LEVEL_ERROR,
                              "A package could not be updated"},
    [EVENT_PACKAGE_REMOVED] = {"package-removed", "d3fbce55233f47999de124b8c2e8ca9c",
                               LOG_LEVEL_NOTICE, "An old kernel was removed"},
    [EVENT_PACKAGE_ROLLED_BACK] = {"package-rolled-back", "0694586ce48c461783b8fa98b500c1db",
                                   LOG_LEVEL_WARNING,
                                   "A package was brought back to the version it had before"},
    [EVENT_CHECK_FAILED] = {"check-failed", "b8297e1a51a5491ea6b10f6f2f30302f", LOG_LEVEL_ERROR,
                            "A health check failed"},
    [EVENT_HOOK_FAILED] = {"hook-failed", "5964422948bb4de6969db95fa9cd3239", LOG_LEVEL_ERROR,
                           "A hook failed"},
    [EVENT_REFRESH_FAILED] = {"refresh-failed", "08752f5ee1834fc38c22f436f4d6a974",
                              LOG_LEVEL_WARNING, "A repository could not be refreshed"},
    [EVENT_WINDOW_OPENED] = {"window-opened", "5b3a7e0f5bf14c2a8267267f942694dd", LOG_LEVEL_INFO,
                             "A maintenance window opened"},
    [EVENT_WINDOW_CLOSED] = {"window-closed", "5ce76f8f0f60435f8f64ea403e7433a1", LOG_LEVEL_INFO,
                             "A maintenance window closed"},
    [EVENT_REBOOT_REQUIRED] = {"reboot-required", "d8c9b277e40d48fe88a3c8412edf48c5",
                               LOG_LEVEL_NOTICE, "A reboot is required"},
    [EVENT_REBOOT_REQUESTED] = {"reboot-requested", "7b4b52f607b448f2ace712306d9d4c1f",
                                LOG_LEVEL_NOTICE, "The node reboots"},
    [EVENT_REBOOT_FINISHED] = {"reboot-finished", "9b273fa05e66400bbd09515774c24b2d",
                               LOG_LEVEL_NOTICE, "The node came back from a reboot"},
    [EVENT_REBOOT_NOT_PERFORMED] = {"reboot-not-performed", "caf7ad753bde4232a637668257b4777b",
                                    LOG_LEVEL_WARNING, "A required reboot was not performed"},
    [EVENT_REPORT_SPOOLED] = {"report-spooled", "66ca9c3e8dd74086bfc2c30d47dcf318", LOG_LEVEL_INFO,
                              "A report is kept for later delivery"},
    [EVENT_REPORT_DELIVERED] = {"report-delivered", "3095c0d71c2745e7a6db16adee174e92",
                                LOG_LEVEL_INFO, "A report was delivered"},
    [EVENT_REPORT_DROPPED] = {"report-dropped", "fbd69f4758e648c89ff62a7706c161a0",
                              LOG_LEVEL_WARNING, "The oldest kept reports were dropped"},
    [EVENT_PAUSED] = {"paused", "ed5fd430ed804fa1b90a0f4e0feebb5e", LOG_LEVEL_NOTICE,
                      "Applying is paused"},
    [EVENT_RESUMED] = {"resumed", "0ce9d640f9ec44a885c77231967f3ef1", LOG_LEVEL_NOTICE,
                       "Applying is resumed"},
    [EVENT_STATE_PROBLEM] = {"state-problem", "9b8fc4792cf242408913d077cef4c711", LOG_LEVEL_ERROR,
                             "patchd's own state could not be read or written"},
};

#define TEXT_FIELD(member) offsetof(struct event_fields, member)
static const struct {
        const char *name; /* of the field; in lower case without PATCHD_ also in MESSAGE */
        size_t offset;
} text_fields[] = {
    {"PATCHD_RUN_ID", TEXT_FIELD(run_id)},
    {"PATCHD_POLICY_ID", TEXT_FIELD(policy_id)},
    {"PATCHD_PACKAGE", TEXT_FIELD(package)},
    {"PATCHD_VERSION_FROM", TEXT_FIELD(version_from)},
    {"PATCHD_VERSION_TO", TEXT_FIELD(version_to)},
    {"PATCHD_STATE", TEXT_FIELD(state)},
    {"PATCHD_RESULT", TEXT_FIELD(result)},
    {"PATCHD_ADVISORIES", TEXT_FIELD(advisories)},
    {"PATCHD_REASON", TEXT_FIELD(reason)},
};
#undef TEXT_FIELD

static const char *text_of(const struct event_fields *fields, size_t i)
{
        return *(const char *const *)((const char *)fields + text_fields[i].offset);
}

const char *event_name(enum event event)
{
        return events[event].name;
}

const char *event_message_id(enum event event)
{
        return events[event].message_id;
}

enum log_level event_level(enum event event)
{
        return events[event].level;
}

int event_priority(enum log_level level)
{
        static const int priorities[] = {
            [LOG_LEVEL_ERROR] = 3, [LOG_LEVEL_WARNING] = 4, [LOG_LEVEL_NOTICE] = 5,
            [LOG_LEVEL_INFO] = 6,  [LOG_LEVEL_DEBUG] = 7,
        };

        return priorities[level];
}

/* Cuts at the end of a character and says so. */
static void cut(char *text)
{
        size_t end = EVENT_FIELD_MAX_BYTES - strlen("...");

        if (strlen(text) <= EVENT_FIELD_MAX_BYTES)
                return;
        while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
                end--;
        memcpy(text + end, "...", sizeof("..."));
}

/* Adds "NAME=value" with the value escaped. */
static int add_field(struct strv *strv, const char *name, const char *value)
{
        CLEANUP(str_done) struct str str = {0};
        CLEANUP(freep) char *text = NULL;
        int r;

        str_append(&str, name);
        str_append_char(&str, '=');
        str_append_printable(&str, value);
        r = str_take(&str, &text);
        if (r < 0)
                return r;
        cut(text);
        return strv_add(strv, text);
}

/* key=value as logfmt has it: quoted when the value could be taken for more than one word. */
static void append_fact(struct str *message, const char *field, const char *value)
{
        bool quote = *value == '\0' || strpbrk(value, " =\"\\");

        str_append_char(message, ' ');
        for (const char *p = field + strlen("PATCHD_"); *p; p++)
                str_append_char(message, (char)tolower((unsigned char)*p));
        str_append(message, quote ? "=\"" : "=");
        for (const char *p = value; *p; p++) {
                if (*p == '"' || *p == '\\')
                        str_append_char(message, '\\');
                str_append_char(message, *p);
        }
        str_append(message, quote ? "\"" : "");
}

static int format_message(enum event event, const struct event_fields *fields, char **ret)
{
        CLEANUP(str_done) struct str message = {0};

        str_appendf(&message, "%s: event=%s", events[event].sentence, events[event].name);
        if (fields->policy_version > 0)
                str_appendf(&message, " policy_version=%" PRId64, fields->policy_version);
        for (size_t i = 0; i < ELEMENTSOF(text_fields); i++)
                if (text_of(fields, i))
                        append_fact(&message, text_fields[i].name, text_of(fields, i));
        return str_take(&message, ret);
}

static int add_fields(struct strv *strv, const struct event_fields *fields)
{
        int r = 0;

        if (fields->policy_version > 0)
                r = strv_addf(strv, "PATCHD_POLICY_VERSION=%" PRId64, fields->policy_version);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(text_fields); i++)
                if (text_of(fields, i))
                        r = add_field(strv, text_fields[i].name, text_of(fields, i));
        return r;
}

int event_format(enum event event, const struct event_fields *fields, const char *identifier,
                 struct strv *ret)
{
        CLEANUP(strv_done) struct strv strv = {0};
        CLEANUP(freep) char *message = NULL;
        int r;

        r = format_message(event, fields, &message);
        if (r >= 0)
                r = event_format_line(events[event].level, message, identifier, &strv);
        if (r >= 0)
                r = strv_addf(&strv, "MESSAGE_ID=%s", events[event].message_id);
        if (r >= 0)
                r = strv_addf(&strv, "PATCHD_SCHEMA=%d", EVENT_SCHEMA);
        if (r >= 0)
                r = strv_addf(&strv, "PATCHD_EVENT=%s", events[event].name);
        if (r >= 0)
                r = add_fields(&strv, fields);
        if (r < 0)
                return r;
        *ret = strv;
        strv = (struct strv){0};
        return 0;
}

int event_format_line(enum log_level level, const char *text, const char *identifier,
                      struct strv *ret)
{
        CLEANUP(strv_done) struct strv strv = {0};
        int r;

        r = add_field(&strv, "MESSAGE", text);
        if (r >= 0)
                r = strv_addf(&strv, "PRIORITY=%d", event_priority(level));
        if (r >= 0)
                r = strv_addf(&strv, "SYSLOG_IDENTIFIER=%s", identifier);
        if (r < 0)
                return r;
        *ret = strv;
        strv = (struct strv){0};
        return 0;
}
