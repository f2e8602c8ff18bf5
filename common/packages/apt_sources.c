/* SPDX-License-Identifier: Apache-2.0 */
#include "packages/apt_sources-private.h"

#include "base/str.h"
#include "packages/apt_uri.h"

#include <ctype.h>
#include <string.h>

void apt_sources_draft_done(struct apt_sources_draft *draft)
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

int apt_sources_malformed(const struct apt_sources_draft *draft, struct diag *diag,
                          const char *what)
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

static int add_uri(struct apt_source *source, const struct apt_sources_draft *draft,
                   const char *text, struct diag *diag)
{
        CLEANUP(apt_uri_done) struct apt_uri uri = {0};
        CLEANUP(freep) char *whole = NULL;
        int r;

        r = substitute_arch(text, draft->context->native_arch, &whole);
        if (r < 0)
                return r;
        r = apt_uri_parse(whole, &uri);
        if (r == -EINVAL)
                return apt_sources_malformed(draft, diag, "the URI has no scheme");
        if (r < 0)
                return r;
        source->site = strdup(uri.host);
        return source->site ? apt_uri_to_text(&uri, &source->uri) : -ENOMEM;
}

static int add_archs(struct apt_source *source, const struct apt_sources_draft *draft)
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

static int fill_source(struct apt_source *source, const struct apt_sources_draft *draft,
                       const char *uri, const char *suite, const char *component, struct diag *diag)
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

static int add_source(struct apt_sources *sources, const struct apt_sources_draft *draft,
                      const char *uri, const char *suite, const char *component, struct diag *diag)
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

static int add_suite(struct apt_sources *sources, const struct apt_sources_draft *draft,
                     const char *uri, const char *suite, struct diag *diag)
{
        int r = 0;

        if (str_has_suffix(suite, "/")) {
                if (draft->components.n_items > 0)
                        return apt_sources_malformed(draft, diag,
                                                     "a suite that ends in / has no components");
                return add_source(sources, draft, uri, suite, "", diag);
        }
        if (draft->components.n_items == 0)
                return apt_sources_malformed(draft, diag, "the component is missing");
        for (size_t i = 0; r >= 0 && i < draft->components.n_items; i++)
                r = add_source(sources, draft, uri, suite, draft->components.items[i], diag);
        return r;
}

int apt_sources_add_draft(struct apt_sources *sources, const struct apt_sources_draft *draft,
                          struct diag *diag)
{
        int r = 0;

        if (draft->uris.n_items == 0)
                return apt_sources_malformed(draft, diag, "the URI is missing");
        if (draft->suites.n_items == 0)
                return apt_sources_malformed(draft, diag, "the suite is missing");
        for (size_t i = 0; i < draft->uris.n_items; i++)
                for (size_t j = 0; r >= 0 && j < draft->suites.n_items; j++)
                        r = add_suite(sources, draft, draft->uris.items[i], draft->suites.items[j],
                                      diag);
        return r;
}

/* ---- options: the same settings under the names of both forms ---- */

const struct apt_sources_option apt_sources_options[N_APT_SOURCES_OPTIONS] = {
    [OPTION_ARCHS] = {"arch", "Architectures"},
    [OPTION_ARCHS_ADD] = {"arch+", "Architectures-Add"},
    [OPTION_ARCHS_REMOVE] = {"arch-", "Architectures-Remove"},
    [OPTION_TRUSTED] = {"trusted", "Trusted"},
    [OPTION_KEY] = {"signed-by", "Signed-By"},
};

int apt_sources_add_words(struct strv *strv, struct deb822_value value)
{
        struct deb822_value word;
        int r = 0;

        while (r >= 0 && deb822_next_word(&value, &word))
                r = strv_addf(strv, "%.*s", (int)word.length, word.at);
        return r;
}

int apt_sources_take_option(struct apt_sources_draft *draft, enum apt_sources_option_kind kind,
                            struct deb822_value value)
{
        switch (kind) {
        case OPTION_ARCHS:
                draft->has_archs = true;
                return apt_sources_add_words(&draft->archs, value);
        case OPTION_ARCHS_ADD:
                return apt_sources_add_words(&draft->archs_added, value);
        case OPTION_ARCHS_REMOVE:
                return apt_sources_add_words(&draft->archs_removed, value);
        case OPTION_TRUSTED:
                draft->trusted = deb822_value_to_bool(value, false);
                return 0;
        case OPTION_KEY:
                free(draft->signed_by);
                draft->signed_by = strndup(value.at, value.length);
                return draft->signed_by ? 0 : -ENOMEM;
        case N_APT_SOURCES_OPTIONS:
                break;
        }
        return 0;
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
