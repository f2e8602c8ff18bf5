/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/evidence.h"

#include "base/str.h"
#include "base/timetext.h"
#include "packages/source_name.h"

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

static bool is_plausible(time_t time)
{
        return time > (time_t)OLDEST_PLAUSIBLE_DAYS * SECONDS_PER_DAY;
}

enum answer { ANSWER_NONE, ANSWER_FUTURE, ANSWER_KNOWN };

/* ---- observed ---- */

/* Both the ledger and the indexes at hand bound the release from above; the oldest is closest. */
struct sighting {
        time_t date;
        const char *repository; /* NULL: the ledger's */
};

static void add_sighting(struct sighting *oldest, time_t date, const char *repository)
{
        if (is_plausible(date) && (oldest->date == 0 || date < oldest->date))
                *oldest = (struct sighting){.date = date, .repository = repository};
}

static struct sighting oldest_sighting(const struct question *question)
{
        const struct available *available = question->available;
        struct sighting oldest = {0};

        add_sighting(&oldest,
                     ledger_first_seen(question->sources->ledger, question->package->name,
                                       question->package->arch, available->version),
                     NULL);
        for (size_t i = 0; i < available->n_indexes; i++)
                add_sighting(&oldest, available->indexes[i]->date,
                             available->indexes[i]->repository);
        return oldest;
}

static enum answer ask_observed(struct question *question)
{
        struct sighting oldest = oldest_sighting(question);
        char text[TIME_TEXT_SIZE];

        if (oldest.date == 0) {
                str_append(question->text,
                           "observed: no signed index with a plausible Date has it");
                return ANSWER_NONE;
        }
        if (oldest.repository)
                str_appendf(question->text, "observed: stands in the index of %s, dated %s",
                            oldest.repository, time_to_rfc3339(oldest.date, text));
        else
                str_appendf(question->text, "observed: first seen on this host in the index of %s",
                            time_to_rfc3339(oldest.date, text));
        if (oldest.date > question->sources->now)
                return ANSWER_FUTURE;
        question->evidence->released_at = oldest.date;
        return ANSWER_KNOWN;
}

/* ---- advisory ---- */

/* Puts the first published advisory whose fix is exactly this version (an epoch of 0 may be left
 * out) into oldest, unless an older one stands there; published 0: none. */
static void find_oldest(const struct evidence_sources *sources, const char *name,
                        const char *version, struct advisory *oldest)
{
        const struct advisories *advisories = sources->advisories;
        size_t first, n = advisories_find(advisories, name, &first);

        for (size_t i = 0; i < n; i++) {
                struct advisory_fix fix;
                struct advisory advisory;

                if (!advisories_get_fix(advisories, first + i, &fix) || fix.is_after ||
                    inventory_compare_versions(sources->inventory, fix.fixed, version) != 0 ||
                    !advisories_get(advisories, fix.advisory, &advisory))
                        continue;
                if (is_plausible(advisory.published) &&
                    (oldest->published == 0 || advisory.published < oldest->published))
                        *oldest = advisory;
        }
}

/* Advisories name the real source of signed binaries, a few also the source that signs; for rpm
 * they name the binary. */
static int find_exact(const struct question *question, struct advisory *ret)
{
        CLEANUP(source_name_done) struct source_name real = {0};
        const struct evidence_sources *sources = question->sources;
        const struct available *available = question->available;
        int r;

        if (sources->inventory->format == FORMAT_RPM) {
                find_oldest(sources, question->package->name, available->version, ret);
                return 0;
        }
        r = source_name_resolve(available->source, available->source_version, available->version,
                                &real);
        if (r < 0)
                return r;
        find_oldest(sources, available->source, available->source_version, ret);
        find_oldest(sources, real.name, real.version, ret);
        return 0;
}

static enum answer ask_advisory(struct question *question)
{
        struct advisory advisory = {0};
        char text[TIME_TEXT_SIZE];

        if (!question->sources->advisories) {
                str_append(question->text, "advisory: no advisory feed is at hand");
                return ANSWER_NONE;
        }
        if (find_exact(question, &advisory) < 0)
                question->text->failed = true;
        if (advisory.published == 0) {
                str_append(question->text,
                           "advisory: no dated advisory names exactly this version");
                return ANSWER_NONE;
        }
        str_appendf(question->text, "advisory: %s published %s", advisory.id,
                    time_to_rfc3339(advisory.published, text));
        if (advisory.published > question->sources->now)
                return ANSWER_FUTURE;
        question->evidence->released_at = advisory.published;
        question->evidence->is_whole_days = advisory.is_whole_days;
        return ANSWER_KNOWN;
}

/* ---- build ---- */

static enum answer tell_no_build(struct question *question)
{
        const struct available *available = question->available;

        if (available->build_note)
                str_appendf(question->text, "build: %s", available->build_note);
        else if (question->sources->inventory->format == FORMAT_RPM)
                str_append(question->text, "build: the index does not say when it was built");
        else
                str_append(question->text, "build: its archive has not been fetched and read yet");
        question->evidence->needs_archive =
            !available->build_note && question->sources->inventory->format == FORMAT_DEB;
        return ANSWER_NONE;
}

static enum answer ask_build(struct question *question)
{
        time_t built_at = question->available->built_at;
        char text[TIME_TEXT_SIZE];

        if (built_at == 0)
                return tell_no_build(question);
        if (!is_plausible(built_at)) {
                str_appendf(question->text, "build: the date %s is not plausible",
                            time_to_rfc3339(built_at, text));
                return ANSWER_NONE;
        }
        str_appendf(question->text, "build: built at %s", time_to_rfc3339(built_at, text));
        if (built_at > question->sources->now)
                return ANSWER_FUTURE;
        question->evidence->released_at = built_at;
        return ANSWER_KNOWN;
}

static enum answer (*const askers[N_DATE_SOURCES])(struct question *question) = {
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
        enum answer answer;
        int r;

        for (size_t i = 0; i < baseline->n_date_sources; i++) {
                if (i > 0)
                        str_append(&text, "; ");
                evidence.source = baseline->date_sources[i];
                answer = askers[evidence.source](&question);
                if (answer == ANSWER_NONE)
                        continue;
                evidence.is_future = answer == ANSWER_FUTURE;
                if (evidence.is_future)
                        str_append(&text, ", which is still to come");
                break;
        }
        r = str_take(&text, &evidence.text);
        if (r < 0)
                return r;
        *ret = evidence;
        return 0;
}
