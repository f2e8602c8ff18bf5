/* SPDX-License-Identifier: Apache-2.0 */
#include "host/os_release.h"

#include "base/str.h"

#include <string.h>

/* Takes the quotes off a value that ends with its line. Gives false for what a shell would not read
 * as one word. */
static bool unquote(const char *p, struct str *ret)
{
        char quote = '\0';
        size_t blanks;

        if (*p == '"' || *p == '\'')
                quote = *p++;
        for (; *p && *p != '\n' && *p != quote; p++) {
                if (!quote && strchr(" \t\r", *p))
                        break;
                if (*p == '\\' && quote != '\'' && p[1] && p[1] != '\n')
                        p++;
                str_append_char(ret, *p);
        }
        if (quote && *p++ != quote)
                return false;
        blanks = strspn(p, " \t\r");
        return p[blanks] == '\0' || p[blanks] == '\n';
}

int os_release_get(const char *text, const char *name, const char *fallback, char **ret)
{
        CLEANUP(str_done) struct str found = {0};
        size_t length = strlen(name);
        bool has = false;

        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, name, length) != 0 || line[length] != '=')
                        continue;
                str_done(&found);
                has = unquote(line + length + 1, &found);
        }
        if (!has) {
                str_done(&found);
                str_append(&found, fallback);
        }
        return str_take(&found, ret);
}
