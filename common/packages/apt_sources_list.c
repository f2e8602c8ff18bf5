/* SPDX-License-Identifier: Apache-2.0 */

/* The one-line form. */

#include "base/str.h"
#include "packages/apt_sources-private.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* One word: quotes and brackets hold blanks together, %xx is undone. False at the end. */
static int next_quoted_word(const char **text, char **ret)
{
        const char *at = *text + strspn(*text, " \t\n\v\f\r"), *stop = at;
        struct str word = {0};

        if (!*at)
                return 0;
        while (*stop && !isspace((unsigned char)*stop)) {
                if (*stop == '"' || *stop == '[')
                        stop = strchr(stop + 1, *stop == '"' ? '"' : ']');
                if (!stop)
                        return -EINVAL;
                stop++;
        }
        while (at < stop) {
                unsigned value;

                if (*at == '%' && stop - at > 2 && isxdigit((unsigned char)at[1]) &&
                    isxdigit((unsigned char)at[2]) && sscanf(at + 1, "%2x", &value) == 1) {
                        str_append_char(&word, (char)value);
                        at += 3;
                        continue;
                }
                if (*at != '"')
                        str_append_char(&word, *at);
                at++;
        }
        *text = stop;
        return str_take(&word, ret) < 0 ? -ENOMEM : 1;
}

static int take_list_option(struct apt_sources_draft *draft, char *text, struct diag *diag)
{
        char *value = strchr(text, '=');

        if (!value || value == text || !value[1])
                return apt_sources_malformed(draft, diag, "an option is not name=value");
        /* "arch+=x" */
        *value++ = '\0';
        for (size_t i = 0; i < N_APT_SOURCES_OPTIONS; i++) {
                if (strcmp(text, apt_sources_options[i].list_name) != 0)
                        continue;
                if (i != OPTION_KEY)
                        for (char *at = value; (at = strchr(at, ','));)
                                *at = ' ';
                return apt_sources_take_option(draft, (enum apt_sources_option_kind)i,
                                               (struct deb822_value){value, strlen(value)});
        }
        return 0;
}

static int take_list_options(struct apt_sources_draft *draft, const char **text, struct diag *diag)
{
        CLEANUP(freep) char *inside = NULL;
        const char *close = strchr(*text, ']');
        char *rest = NULL;
        int r = 0;

        if (!close)
                return apt_sources_malformed(draft, diag, "an option list without ]");
        inside = strndup(*text + 1, (size_t)(close - *text - 1));
        if (!inside)
                return -ENOMEM;
        for (char *word = strtok_r(inside, " \t", &rest); r >= 0 && word;
             word = strtok_r(NULL, " \t", &rest))
                r = take_list_option(draft, word, diag);
        *text = close + 1;
        return r;
}

static int take_list_words(struct apt_sources_draft *draft, const char *text, struct diag *diag)
{
        struct strv *targets[] = {&draft->uris, &draft->suites, &draft->components};
        int r;

        for (size_t i = 0;; i++) {
                CLEANUP(freep) char *word = NULL;

                r = next_quoted_word(&text, &word);
                if (r == -EINVAL)
                        return apt_sources_malformed(draft, diag,
                                                     "a quote or bracket is not closed");
                if (r <= 0)
                        return r;
                if (!*word)
                        return apt_sources_malformed(draft, diag, "an empty word");
                r = strv_add(targets[i < 2 ? i : 2], word);
                if (r < 0)
                        return r;
        }
}

/* Cuts a comment off; '#' inside of an option list belongs to it. */
static void cut_comment(char *line)
{
        int depth = 0;

        for (; *line; line++) {
                if (*line == '[')
                        depth++;
                else if (*line == ']')
                        depth--;
                else if (*line == '#' && depth <= 0)
                        *line = '\0';
                if (!*line)
                        return;
        }
}

static int take_list_line(struct apt_sources *sources, char *line, unsigned number,
                          const struct apt_sources_context *context, struct diag *diag)
{
        CLEANUP(apt_sources_draft_done) struct apt_sources_draft draft = {.context = context};
        const char *text = line + strspn(line, " \t\r");
        size_t length;
        int r;

        draft.place = str_format("%s:%u", context->file, number);
        if (!draft.place)
                return -ENOMEM;
        length = strcspn(text, " \t\v\r");
        if (length == 0)
                return 0;
        if (length == 7 && strncmp(text, "deb-src", length) == 0)
                return 0;
        if (length != 3 || strncmp(text, "deb", length) != 0)
                return apt_sources_malformed(&draft, diag,
                                             "it begins with neither deb nor deb-src");
        text += length;
        text += strspn(text, " \t");
        r = *text == '[' ? take_list_options(&draft, &text, diag) : 0;
        if (r >= 0)
                r = take_list_words(&draft, text, diag);
        return r < 0 ? r : apt_sources_add_draft(sources, &draft, diag);
}

int apt_sources_parse_list(struct apt_sources *sources, const char *text, size_t size,
                           const struct apt_sources_context *context, struct diag *diag)
{
        struct deb822_value rest = {text, size}, line;
        int r = 0;

        if (memchr(text, '\0', size))
                return diag_fail(diag, -EINVAL, "%s: a NUL byte: this is no text", context->file);
        for (unsigned number = 1; r >= 0 && deb822_next_line(&rest, &line); number++) {
                CLEANUP(freep) char *copy = strndup(line.at, line.length);

                if (!copy)
                        return -ENOMEM;
                cut_comment(copy);
                for (size_t i = strlen(copy); i > 0 && strchr(" \t\r", copy[i - 1]); i--)
                        copy[i - 1] = '\0';
                r = take_list_line(sources, copy, number, context, diag);
        }
        return r;
}
