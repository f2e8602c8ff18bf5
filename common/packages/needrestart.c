/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/needrestart.h"

#include "base/str.h"

#include <ctype.h>
#include <string.h>

#define SERVICE_LINE "NEEDRESTART-SVC:"
#define VERSION_LINE "NEEDRESTART-VER:"

static bool is_name(const char *text, size_t length)
{
        if (length == 0 || length > NEEDRESTART_NAME_MAX_BYTES)
                return false;
        for (size_t i = 0; i < length; i++)
                if (!isascii((unsigned char)text[i]) || !isgraph((unsigned char)text[i]))
                        return false;
        return true;
}

static bool is_own_run(const char *name)
{
        static const char *const globs[] = {"patchd-apply@", "patchd-admin@", "patchd-cycle@"};

        for (size_t i = 0; i < ELEMENTSOF(globs); i++)
                if (str_has_prefix(name, globs[i]))
                        return true;
        return false;
}

static int read_line(const char *line, size_t length, struct strv *services)
{
        const char *value = line + strlen(SERVICE_LINE), *end = line + length;
        CLEANUP(freep) char *name = NULL;

        if (length < strlen(SERVICE_LINE) ||
            strncmp(line, SERVICE_LINE, strlen(SERVICE_LINE)) != 0 ||
            services->n_items >= NEEDRESTART_SERVICES_MAX)
                return 0;
        while (value < end && (*value == ' ' || *value == '\t'))
                value++;
        while (end > value && isspace((unsigned char)end[-1]))
                end--;
        if (!is_name(value, (size_t)(end - value)))
                return 0;
        name = strndup(value, (size_t)(end - value));
        if (!name)
                return -ENOMEM;
        return is_own_run(name) || strv_contains(services, name) ? 0 : strv_add(services, name);
}

int needrestart_parse(const char *text, size_t size, struct strv *ret_services, struct diag *diag)
{
        CLEANUP(strv_done) struct strv services = {0};
        bool is_known = false;

        for (size_t at = 0; at < size;) {
                const char *newline = memchr(text + at, '\n', size - at);
                size_t length = newline ? (size_t)(newline - text) - at : size - at;
                int r = read_line(text + at, length, &services);

                if (r < 0)
                        return r;
                is_known |= length >= strlen(VERSION_LINE) &&
                            strncmp(text + at, VERSION_LINE, strlen(VERSION_LINE)) == 0;
                at += length + 1;
        }
        if (!is_known)
                return diag_fail(diag, -EBADMSG, "needrestart did not answer as needrestart does");
        *ret_services = services;
        services = (struct strv){0};
        return 0;
}
