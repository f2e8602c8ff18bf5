/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/apt_sources.h"

#include "base/str.h"
#include "packages/apt_uri.h"
#include "packages/deb822.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* What one line or stanza says, before it is multiplied out. */
struct draft {
        const struct apt_sources_context *context;
        char *place;
        struct strv uris, suites, components;
        struct strv archs, archs_added, archs_removed;
        bool has_archs;
        bool trusted;
        char *signed_by;
};

static void draft_done(struct draft *draft)
{
        free(draft->place);
        strv_done(&draft->uris);
        strv_done(&draft->suites);
        strv_done(&draft->components);
        strv_done(&draft->archs);
        strv_done(&draft->archs_added);
        strv_done(&draft->archs_removed);
        free(draft->signed_by);
}

static void source_done(struct apt_source *source)
{
        free(source->uri);
        free(source->site);
        free(source->suite);
        free(source->component);
        strv_done(&source->archs);
        free(source->signed_by);
        free(source->place);
}

static int malformed(const struct draft *draft, struct diag *diag, const char *what)
{
        return diag_fail(diag, -EINVAL, "%s: malformed source: %s", draft->place, what);
}

/* Puts the native architecture in place of $(ARCH). */
static int substitute_arch(const char *text, const char *arch, char **ret)
{
        static const char mark[] = "$(ARCH)";
        struct str result = {0};
        const char *found;

        while ((found = strstr(text, mark))) {
                str_append_n(&result, text, (size_t)(found - text));
                str_append(&result, arch);
                text = found + strlen(mark);
        }
        str_append(&result, text);
        return str_take(&result, ret);
}

static int add_uri(struct apt_source *source, const struct draft *draft, const char *text,
                   struct diag *diag)
{
        CLEANUP(apt_uri_done) struct apt_uri uri = {0};
        CLEANUP(freep) char *whole = NULL;
        int r;

        r = substitute_arch(text, draft->context->native_arch, &whole);
        if (r < 0)
                return r;
        r = apt_uri_parse(whole, &uri);
        if (r == -EINVAL)
                return malformed(draft, diag, "the URI has no scheme");
        if (r < 0)
                return r;
        source->site = strdup(uri.host);
        return source->site ? apt_uri_to_text(&uri, &source->uri) : -ENOMEM;
}

static int add_archs(struct apt_source *source, const struct draft *draft)
{
        const struct strv *lists[] = {draft->has_archs ? &draft->archs : draft->context->archs,
                                      &draft->archs_added};

        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                for (size_t j = 0; j < lists[i]->n_items; j++) {
                        const char *arch = lists[i]->items[j];

                        if (strcmp(arch, "all") == 0 || strv_contains(&source->archs, arch) ||
                            strv_contains(&draft->archs_removed, arch))
                                continue;
                        if (strv_add(&source->archs, arch) < 0)
                                return -ENOMEM;
                }
        }
        source->without_all = strv_contains(&draft->archs_removed, "all");
        return 0;
}

static int fill_source(struct apt_source *source, const struct draft *draft, const char *uri,
                       const char *suite, const char *component, struct diag *diag)
{
        int r;

        r = add_uri(source, draft, uri, diag);
        if (r >= 0)
                r = add_archs(source, draft);
        if (r >= 0)
                r = substitute_arch(suite, draft->context->native_arch, &source->suite);
        if (r < 0)
                return r;
        source->component = strdup(component);
        source->place = strdup(draft->place);
        source->trusted = draft->trusted;
        source->signed_by = draft->signed_by ? strdup(draft->signed_by) : NULL;
        if (!source->component || !source->place || (draft->signed_by && !source->signed_by))
                return -ENOMEM;
        return 0;
}

static int add_source(struct apt_sources *sources, const struct draft *draft, const char *uri,
                      const char *suite, const char *component, struct diag *diag)
{
        struct apt_source source = {0}, *items;
        int r;

        if (sources->n_items >= APT_SOURCES_MAX)
                return diag_fail(diag, -E2BIG, "%s: more than %d sources", draft->place,
                                 APT_SOURCES_MAX);
        items = reallocarray(sources->items, sources->n_items + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        sources->items = items;
        r = fill_source(&source, draft, uri, suite, component, diag);
        if (r < 0) {
                source_done(&source);
                return r;
        }
        items[sources->n_items++] = source;
        return 0;
}

static int add_suite(struct apt_sources *sources, const struct draft *draft, const char *uri,
                     const char *suite, struct diag *diag)
{
        int r = 0;

        if (str_has_suffix(suite, "/")) {
                if (draft->components.n_items > 0)
                        return malformed(draft, diag, "a suite that ends in / has no components");
                return add_source(sources, draft, uri, suite, "", diag);
        }
        if (draft->components.n_items == 0)
                return malformed(draft, diag, "the component is missing");
        for (size_t i = 0; r >= 0 && i < draft->components.n_items; i++)
                r = add_source(sources, draft, uri, suite, draft->components.items[i], diag);
        return r;
}

static int add_draft(struct apt_sources *sources, const struct draft *draft, struct diag *diag)
{
        int r = 0;

        if (draft->uris.n_items == 0)
                return malformed(draft, diag, "the URI is missing");
        if (draft->suites.n_items == 0)
                return malformed(draft, diag, "the suite is missing");
        for (size_t i = 0; i < draft->uris.n_items; i++)
                for (size_t j = 0; r >= 0 && j < draft->suites.n_items; j++)
                        r = add_suite(sources, draft, draft->uris.items[i], draft->suites.items[j],
                                      diag);
        return r;
}

/* ---- options: the same settings under the names of both forms ---- */

enum option_kind {
        OPTION_ARCHS,
        OPTION_ARCHS_ADD,
        OPTION_ARCHS_REMOVE,
        OPTION_TRUSTED,
        OPTION_KEY
};

static const struct option_name {
        const char *list_name, *field_name;
        enum option_kind kind;
} option_names[] = {
    {"arch", "Architectures", OPTION_ARCHS},
    {"arch+", "Architectures-Add", OPTION_ARCHS_ADD},
    {"arch-", "Architectures-Remove", OPTION_ARCHS_REMOVE},
    {"trusted", "Trusted", OPTION_TRUSTED},
    {"signed-by", "Signed-By", OPTION_KEY},
};

static int add_words(struct strv *strv, struct deb822_value value)
{
        struct deb822_value word;
        int r = 0;

        while (r >= 0 && deb822_next_word(&value, &word))
                r = strv_addf(strv, "%.*s", (int)word.length, word.at);
        return r;
}

static int take_option(struct draft *draft, enum option_kind kind, struct deb822_value value)
{
        switch (kind) {
        case OPTION_ARCHS:
                draft->has_archs = true;
                return add_words(&draft->archs, value);
        case OPTION_ARCHS_ADD:
                return add_words(&draft->archs_added, value);
        case OPTION_ARCHS_REMOVE:
                return add_words(&draft->archs_removed, value);
        case OPTION_TRUSTED:
                draft->trusted = deb822_value_to_bool(value, false);
                return 0;
        case OPTION_KEY:
                free(draft->signed_by);
                draft->signed_by = strndup(value.at, value.length);
                return draft->signed_by ? 0 : -ENOMEM;
        }
        return 0;
}

/* ---- one-line form ---- */

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

static int take_list_option(struct draft *draft, char *text, struct diag *diag)
{
        char *value = strchr(text, '=');

        if (!value || value == text || !value[1])
                return malformed(draft, diag, "an option is not name=value");
        /* "arch+=x" */
        *value++ = '\0';
        for (size_t i = 0; i < ELEMENTSOF(option_names); i++) {
                if (strcmp(text, option_names[i].list_name) != 0)
                        continue;
                if (option_names[i].kind != OPTION_KEY)
                        for (char *at = value; (at = strchr(at, ','));)
                                *at = ' ';
                return take_option(draft, option_names[i].kind,
                                   (struct deb822_value){value, strlen(value)});
        }
        return 0;
}

static int take_list_options(struct draft *draft, const char **text, struct diag *diag)
{
        CLEANUP(freep) char *inside = NULL;
        const char *close = strchr(*text, ']');
        char *rest = NULL;
        int r = 0;

        if (!close)
                return malformed(draft, diag, "an option list without ]");
        inside = strndup(*text + 1, (size_t)(close - *text - 1));
        if (!inside)
                return -ENOMEM;
        for (char *word = strtok_r(inside, " \t", &rest); r >= 0 && word;
             word = strtok_r(NULL, " \t", &rest))
                r = take_list_option(draft, word, diag);
        *text = close + 1;
        return r;
}

static int take_list_words(struct draft *draft, const char *text, struct diag *diag)
{
        struct strv *targets[] = {&draft->uris, &draft->suites, &draft->components};
        int r;

        for (size_t i = 0;; i++) {
                CLEANUP(freep) char *word = NULL;

                r = next_quoted_word(&text, &word);
                if (r == -EINVAL)
                        return malformed(draft, diag, "a quote or bracket is not closed");
                if (r <= 0)
                        return r;
                if (!*word)
                        return malformed(draft, diag, "an empty word");
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
        CLEANUP(draft_done) struct draft draft = {.context = context};
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
                return malformed(&draft, diag, "it begins with neither deb nor deb-src");
        text += length;
        text += strspn(text, " \t");
        r = *text == '[' ? take_list_options(&draft, &text, diag) : 0;
        if (r >= 0)
                r = take_list_words(&draft, text, diag);
        return r < 0 ? r : add_draft(sources, &draft, diag);
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

/* ---- deb822 form ---- */

struct stanza_reader {
        struct apt_sources *sources;
        const struct apt_sources_context *context;
        unsigned number;
};

static int take_stanza_options(struct draft *draft, const struct deb822_stanza *stanza)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(option_names); i++) {
                struct deb822_value value = deb822_find(stanza, option_names[i].field_name);

                if (value.at)
                        r = take_option(draft, option_names[i].kind, value);
        }
        return r;
}

static bool names_type_deb(const struct deb822_stanza *stanza)
{
        struct deb822_value types = deb822_find(stanza, "Types"), word;

        while (types.at && deb822_next_word(&types, &word))
                if (deb822_value_equals(word, "deb"))
                        return true;
        return false;
}

static int take_stanza(const struct deb822_stanza *stanza, void *arg, struct diag *diag)
{
        struct stanza_reader *reader = arg;
        CLEANUP(draft_done) struct draft draft = {.context = reader->context};
        struct {
                const char *name;
                struct strv *target;
        } const lists[] = {
            {"URIs", &draft.uris}, {"Suites", &draft.suites}, {"Components", &draft.components}};
        int r = 0;

        draft.place = str_format("%s: stanza %u", reader->context->file, ++reader->number);
        if (!draft.place)
                return -ENOMEM;
        if (!deb822_find(stanza, "Types").at)
                return malformed(&draft, diag, "the Types are missing");
        if (!names_type_deb(stanza) || !deb822_get_bool(stanza, "Enabled", true))
                return 0;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(lists); i++) {
                struct deb822_value value = deb822_find(stanza, lists[i].name);

                if (value.at)
                        r = add_words(lists[i].target, value);
        }
        if (r >= 0)
                r = take_stanza_options(&draft, stanza);
        return r < 0 ? r : add_draft(reader->sources, &draft, diag);
}

int apt_sources_parse_deb822(struct apt_sources *sources, const char *text, size_t size,
                             const struct apt_sources_context *context, struct diag *diag)
{
        struct stanza_reader reader = {.sources = sources, .context = context};
        const struct deb822_handler handler = {.take = take_stanza, .arg = &reader};
        int r = deb822_read_text(text, size, &handler, diag);

        if (r < 0 && reader.number == 0)
                diag_prefix(diag, "%s", context->file);
        return r;
}

bool apt_parts_name_is_valid(const char *name, const char *const *extensions)
{
        const char *dot = strrchr(name, '.');
        const char *extension = dot && dot != name ? dot + 1 : "";

        if (name[0] == '.' || !name[0] || str_has_suffix(name, "."))
                return false;
        for (const char *at = name; *at; at++)
                if (!isalnum((unsigned char)*at) && !strchr("_-:.", *at))
                        return false;
        for (; *extensions; extensions++)
                if (strcmp(extension, *extensions) == 0)
                        return true;
        return false;
}

void apt_sources_done(struct apt_sources *sources)
{
        for (size_t i = 0; i < sources->n_items; i++)
                source_done(&sources->items[i]);
        free(sources->items);
        *sources = (struct apt_sources){0};
}
