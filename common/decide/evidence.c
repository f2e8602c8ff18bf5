/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/evidence.h"

#include "base/str.h"
#include "base/timetext.h"

#include <string.h>

/* A date of the first year of the epoch is a zero that went through somebody's time zone. */
enum { OLDEST_PLAUSIBLE_DAYS = 366 };

struct question {
        const struct evidence_sources *sources;
        const struct package *package;
        const struct available *available;
        struct evidence *evidence;
        struct str *text;
};

void evidence_done(struct evidence *evidence)
{
        free(evidence->text);
        *evidence = (struct evidence){0};
}

static bool is_plausible(time_t time, time_t now)
{
        return time > (time_t)OLDEST_PLAUSIBLE_DAYS * SECONDS_PER_DAY && time <= now;
}

static time_t oldest_index_date(const struct question *question, const char **ret_repository)
{
        const struct available *available = question->available;
        time_t oldest = 0;

        for (size_t i = 0; i < available->n_indexes; i++) {
                time_t date = available->indexes[i]->date;

                if (is_plausible(date, question->sources->now) && (oldest == 0 || date < oldest)) {
                        oldest = date;
                        *ret_repository = available->indexes[i]->repository;
                }
        }
        return oldest;
}

/* Both the ledger and the indexes at hand bound the release from above; the older one is closer. */
static bool ask_observed(struct question *question)
{
        const char *repository = NULL;
        char text[TIME_TEXT_SIZE];
        time_t seen = ledger_first_seen(question->sources->ledger, question->package->name,
                                        question->package->arch, question->available->version);
        time_t date = oldest_index_date(question, &repository);

        if (!is_plausible(seen, question->sources->now))
                seen = 0;
        if (seen == 0 && date == 0) {
                str_append(question->text,
                           "observed: no signed index with a plausible Date has it");
                return false;
        }
        if (seen != 0 && (date == 0 || seen <= date)) {
                question->evidence->released_at = seen;
                str_appendf(question->text, "observed: first seen on this host in the index of %s",
                            time_to_rfc3339(seen, text));
                return true;
        }
        question->evidence->released_at = date;
        str_appendf(question->text, "observed: stands in the index of %s, dated %s", repository,
                    time_to_rfc3339(date, text));
        return true;
}

static const struct advisory_fix *exact_fix(const struct question *question)
{
        const struct advisory_fix *fixes;
        size_t n = 0;

        fixes = advisories_find(question->sources->advisories, question->available->source, &n);
        for (size_t i = 0; i < n; i++)
                if (strcmp(fixes[i].fixed, question->available->source_version) == 0 &&
                    is_plausible(fixes[i].advisory->published, question->sources->now))
                        return &fixes[i];
        return NULL;
}

static bool ask_advisory(struct question *question)
{
        const struct advisory_fix *fix = NULL;
        char text[TIME_TEXT_SIZE];

        if (!question->sources->advisories) {
                str_append(question->text, "advisory: no advisory feed is at hand");
                return false;
        }
        fix = exact_fix(question);
        if (!fix) {
                str_append(question->text,
                           "advisory: no dated advisory names exactly this version");
                return false;
        }
        question->evidence->released_at = fix->advisory->published;
        question->evidence->is_whole_days = fix->advisory->is_whole_days;
        str_appendf(question->text, "advisory: %s published %s", fix->advisory->id,
                    time_to_rfc3339(fix->advisory->published, text));
        return true;
}

static bool ask_build(struct question *question)
{
        str_append(question->text, "build: no build date was collected");
        return false;
}

static bool (*const askers[N_DATE_SOURCES])(struct question *question) = {
    [DATE_SOURCE_ADVISORY] = ask_advisory,
    [DATE_SOURCE_OBSERVED] = ask_observed,
    [DATE_SOURCE_BUILD] = ask_build,
};

int evidence_for(const struct baseline *baseline, const struct evidence_sources *sources,
                 const struct package *package, const struct available *available,
                 struct evidence *ret)
{
        CLEANUP(str_done) struct str text = {0};
        struct evidence evidence = {0};
        struct question question = {.sources = sources,
                                    .package = package,
                                    .available = available,
                                    .evidence = &evidence,
                                    .text = &text};
        int r;

        for (size_t i = 0; i < baseline->n_date_sources; i++) {
                if (i > 0)
                        str_append(&text, "; ");
                evidence.source = baseline->date_sources[i];
                if (askers[evidence.source](&question))
                        break;
        }
        r = str_take(&text, &evidence.text);
        if (r < 0)
                return r;
        *ret = evidence;
        return 0;
}
