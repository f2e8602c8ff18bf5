/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/dependency.h"

#include "packages/version_deb.h"

#include <string.h>

static const char blanks[] = " \t\r\n";

/* Copies what stands before one of the stop characters; false when it is empty or too long. */
static bool take_word(const char **at, const char *end, const char *stops, char *word, size_t size)
{
        size_t length = 0;

        *at += strspn(*at, blanks);
        while (*at + length < end && !strchr(stops, (*at)[length]))
                length++;
        if (length == 0 || length >= size)
                return false;
        memcpy(word, *at, length);
        word[length] = '\0';
        *at += length;
        return true;
}

static bool parse_alternative(const char *at, const char *end, struct dependency *ret)
{
        size_t length;

        ret->arch[0] = ret->relation[0] = ret->version[0] = '\0';
        if (!take_word(&at, end, " \t\r\n:([<", ret->name, sizeof(ret->name)))
                return false;
        if (at < end && *at == ':') {
                at++;
                if (!take_word(&at, end, " \t\r\n([<", ret->arch, sizeof(ret->arch)))
                        return false;
        }
        at += strspn(at, blanks);
        if (at >= end || *at != '(')
                return true;
        at++;
        at += strspn(at, blanks);
        length = strspn(at, "<>=");
        if (length == 0 || length >= sizeof(ret->relation))
                return false;
        memcpy(ret->relation, at, length);
        ret->relation[length] = '\0';
        at += length;
        return take_word(&at, end, " \t\r\n)", ret->version, sizeof(ret->version));
}

int dependency_for_each(const char *field,
                        int (*visit)(const struct dependency *dependency, void *arg), void *arg)
{
        struct dependency dependency = {0};

        while (*field != '\0') {
                size_t length = strcspn(field, ",|");
                const char *end = field + length;

                if (parse_alternative(field, end, &dependency)) {
                        int r = visit(&dependency, arg);

                        if (r != 0)
                                return r;
                }
                if (*end == ',')
                        dependency.group++;
                field = *end ? end + 1 : end;
        }
        return 0;
}

bool dependency_accepts(const struct dependency *dependency, const char *version)
{
        /* "<" and ">" are old spellings of "<=" and ">=". */
        static const struct {
                const char *text;
                bool less, equal, greater;
        } relations[] = {
            {"<<", true, false, false}, {"<=", true, true, false},  {"=", false, true, false},
            {">=", false, true, true},  {">>", false, false, true}, {"<", true, true, false},
            {">", false, true, true},
        };
        int order;

        if (dependency->relation[0] == '\0')
                return true;
        if (!version)
                return false;
        order = version_deb_compare(version, dependency->version);
        for (size_t i = 0; i < ELEMENTSOF(relations); i++)
                if (strcmp(dependency->relation, relations[i].text) == 0)
                        return order < 0    ? relations[i].less
                               : order == 0 ? relations[i].equal
                                            : relations[i].greater;
        return false;
}
