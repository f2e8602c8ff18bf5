/* SPDX-License-Identifier: Apache-2.0 */

/* The deb822 form. */

#include "base/str.h"
#include "packages/apt_sources-private.h"

struct stanza_reader {
        struct apt_sources *sources;
        const struct apt_sources_context *context;
        unsigned number;
};

static int take_stanza_options(struct apt_sources_draft *draft, const struct deb822_stanza *stanza)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < N_APT_SOURCES_OPTIONS; i++) {
                struct deb822_value value = deb822_find(stanza, apt_sources_options[i].field_name);

                if (value.at)
                        r = apt_sources_take_option(draft, (enum apt_sources_option_kind)i, value);
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
        CLEANUP(apt_sources_draft_done)
        struct apt_sources_draft draft = {.context = reader->context};
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
                return apt_sources_malformed(&draft, diag, "the Types are missing");
        if (!names_type_deb(stanza) || !deb822_get_bool(stanza, "Enabled", true))
                return 0;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(lists); i++) {
                struct deb822_value value = deb822_find(stanza, lists[i].name);

                if (value.at)
                        r = apt_sources_add_words(lists[i].target, value);
        }
        if (r >= 0)
                r = take_stanza_options(&draft, stanza);
        return r < 0 ? r : apt_sources_add_draft(reader->sources, &draft, diag);
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
