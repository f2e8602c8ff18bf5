/* SPDX-License-Identifier: Apache-2.0 */
#include "host/apply_state.h"

#include "base/str.h"
#include "host/files.h"

#include <string.h>

enum {
        SMALL_FILE_MAX_BYTES = 4 * 1024 * 1024,
        OUTCOME_MAX_BYTES = 4 * 1024 * 1024,
        OUTCOME_NAMES_MAX = 10000,
        VETOES_MAX = 10000,
        KEPT_BACK_MAX = 10000,
};

static int read_file(const struct paths *paths, const char *name, size_t max_bytes,
                     struct blob *ret, struct diag *diag)
{
        CLEANUP(freep) char *path = str_format("%s/%s", paths->apply_state, name);

        if (!path)
                return -ENOMEM;
        return files_read(path, max_bytes, true, ret, diag);
}

/* Gives NULL when the file is not there. */
static int read_json(const struct paths *paths, const char *name, struct json **ret,
                     struct diag *diag)
{
        CLEANUP(blob_done) struct blob text = {0};
        struct diag why = {0};
        int r = read_file(paths, name, SMALL_FILE_MAX_BYTES, &text, &why);

        *ret = NULL;
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return diag_fail(diag, r, "%s", diag_text(&why, r));
        r = json_parse(text.data, text.size, ret, &why);
        if (r < 0)
                return diag_fail(diag, r, "%s/%s: %s", paths->apply_state, name,
                                 diag_text(&why, r));
        return 0;
}

/* ---- policy ---- */

bool apply_state_keeps_policy(const struct paths *paths, const char *digest)
{
        CLEANUP(json_freep) struct json *counter = NULL;

        return read_json(paths, "policy.json", &counter, NULL) >= 0 && counter &&
               str_equal(json_get_string(counter, "digest"), digest);
}

/* ---- ledger and stamps ---- */

int apply_state_ledger(const struct paths *paths, struct ledger **ret, char **ret_damaged,
                       struct diag *diag)
{
        CLEANUP(blob_done) struct blob text = {0};
        struct diag why = {0};
        int r = read_file(paths, "ledger.jsonl", LEDGER_SIZE_MAX_BYTES, &text, &why);

        if (r < 0 && r != -ENOENT)
                return diag_fail(diag, r, "%s", diag_text(&why, r));
        r = ledger_parse(text.data ?: "", text.size, ret, ret_damaged, diag);
        if (r < 0)
                diag_prefix(diag, "%s/ledger.jsonl", paths->apply_state);
        return r;
}

int apply_state_overlay_stamps(const struct paths *paths, struct inventory *inventory,
                               struct diag *diag)
{
        CLEANUP(json_freep) struct json *stamps = NULL;
        int r = read_json(paths, "stamps.json", &stamps, diag);

        if (r < 0)
                return r;
        for (size_t i = 0; stamps && i < inventory->n_indexes; i++) {
                struct package_index *index = inventory->indexes[i];
                time_t stamp = json_get_time(stamps, index->repository);

                if (stamp > 0)
                        index->refreshed_at = stamp;
        }
        return 0;
}

/* ---- pause ---- */

int apply_state_pause(const struct paths *paths, time_t now, bool *ret_paused, time_t *ret_until,
                      struct diag *diag)
{
        CLEANUP(json_freep) struct json *pause = NULL;
        const char *text;
        time_t until = 0;
        int r = read_json(paths, "pause.json", &pause, diag);

        if (r < 0)
                return r;
        text = pause ? json_get_string(pause, "until") : NULL;
        if (text && time_from_rfc3339(text, &until) < 0)
                return diag_fail(diag, -EINVAL,
                                 "%s/pause.json: until: '%s' is not a time; patchctl resume "
                                 "removes the pause",
                                 paths->apply_state, text);
        *ret_paused = pause && (until == 0 || now < until);
        *ret_until = *ret_paused ? until : 0;
        return 0;
}

/* ---- outcomes ---- */

static int read_outcome(const struct paths *paths, const char *name, struct outcome **ret,
                        struct diag *diag)
{
        CLEANUP(freep) char *file = str_format("outcomes/%s", name);
        CLEANUP(blob_done) struct blob text = {0};
        struct diag why = {0};
        int r;

        if (!file)
                return -ENOMEM;
        r = read_file(paths, file, OUTCOME_MAX_BYTES, &text, diag);
        if (r < 0)
                return r;
        r = outcome_from_text(text.data, text.size, ret, &why);
        if (r < 0)
                return diag_fail(diag, r, "%s/%s: %s", paths->apply_state, file,
                                 diag_text(&why, r));
        return 0;
}

int apply_state_outcome(const struct paths *paths, const char *run_id, struct outcome **ret,
                        struct diag *diag)
{
        CLEANUP(freep) char *name = str_format("%s.json", run_id);

        return name ? read_outcome(paths, name, ret, diag) : -ENOMEM;
}

static int compare_newest_first(const void *a, const void *b)
{
        return outcome_compare(*(const struct outcome *const *)b,
                               *(const struct outcome *const *)a);
}

int apply_state_outcomes(const struct paths *paths, struct outcome ***ret, size_t *ret_n,
                         struct diag *diag)
{
        CLEANUP(freep) char *folder = str_format("%s/outcomes", paths->apply_state);
        CLEANUP(strv_done) struct strv names = {0};
        CLEANUP(freep) struct outcome **outcomes = NULL;
        size_t n = 0;
        int r;

        if (!folder)
                return -ENOMEM;
        r = files_list(folder, ".json", OUTCOME_NAMES_MAX, &names, diag);
        if (r < 0)
                return r;
        outcomes = calloc(names.n_items + 1, sizeof(*outcomes));
        if (!outcomes)
                return -ENOMEM;
        /* One damaged outcome must not hide the others. */
        for (size_t i = 0; i < names.n_items; i++)
                n += read_outcome(paths, names.items[i], &outcomes[n], NULL) >= 0;
        qsort(outcomes, n, sizeof(struct outcome *), compare_newest_first);
        *ret = TAKE_PTR(outcomes);
        *ret_n = n;
        return 0;
}

static void outcomes_free(struct outcome **outcomes, size_t n)
{
        for (size_t i = 0; i < n; i++)
                outcome_free(outcomes[i]);
        free(outcomes);
}

/* ---- facts for evaluate() ---- */

static void note_done(struct package_note *note)
{
        free(note->name);
        free(note->arch);
        free(note->version);
        free(note->text);
}

static void notes_free(struct package_note *notes, size_t n)
{
        for (size_t i = 0; i < n; i++)
                note_done(&notes[i]);
        free(notes);
}

void apply_facts_forget_kept_back(struct apply_facts *facts)
{
        notes_free(facts->kept_back, facts->n_kept_back);
        facts->kept_back = NULL;
        facts->runs.kept_back = NULL;
        facts->n_kept_back = facts->runs.n_kept_back = 0;
}

void apply_facts_done(struct apply_facts *facts)
{
        notes_free(facts->vetoes, facts->n_vetoes);
        apply_facts_forget_kept_back(facts);
        notes_free(facts->storage, facts->n_storage);
        outcome_free(facts->last_run);
        *facts = (struct apply_facts){0};
}

static int note_fill(struct package_note *note, const char *name, const char *arch,
                     const char *version, const char *text)
{
        *note = (struct package_note){.name = strdup(name),
                                      .arch = arch ? strdup(arch) : NULL,
                                      .version = version ? strdup(version) : NULL,
                                      .text = text ? strdup(text) : NULL};
        return !note->name || (arch && !note->arch) || (version && !note->version) ||
                       (text && !note->text)
                   ? -ENOMEM
                   : 0;
}

static bool is_done(const struct outcome_package *package)
{
        return package->result == PACKAGE_UPDATED || package->result == PACKAGE_INSTALLED;
}

struct selection {
        const char *boot_id, *baseline;
        const struct outcome *last_run;
};

typedef bool (*selects_fn)(const struct selection *selection, const struct outcome *outcome,
                           const struct outcome_package *package);

static bool selects_failed(const struct selection *selection, const struct outcome *outcome,
                           const struct outcome_package *package)
{
        return outcome == selection->last_run && package->result == PACKAGE_FAILED &&
               package->version_to;
}

static bool selects_this_boot(const struct selection *selection, const struct outcome *outcome,
                              const struct outcome_package *package)
{
        return is_done(package) && outcome->boot_id && selection->boot_id &&
               strcmp(outcome->boot_id, selection->boot_id) == 0;
}

static bool selects_baseline(const struct selection *selection, const struct outcome *outcome,
                             const struct outcome_package *package)
{
        return is_done(package) && outcome->baseline && selection->baseline &&
               strcmp(outcome->baseline, selection->baseline) == 0;
}

/* Appends to the storage, which is large enough; gives how many. */
static int collect_notes(const struct selection *selection, struct outcome *const *outcomes,
                         size_t n_outcomes, selects_fn selects, struct apply_facts *facts,
                         size_t *ret_n)
{
        size_t first = facts->n_storage;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n_outcomes; i++)
                for (size_t j = 0; r >= 0 && j < outcomes[i]->n_packages; j++) {
                        const struct outcome_package *package = &outcomes[i]->packages[j];

                        if (selects(selection, outcomes[i], package))
                                r = note_fill(&facts->storage[facts->n_storage++], package->name,
                                              package->arch, package->version_to, package->message);
                }
        *ret_n = facts->n_storage - first;
        return r;
}

/* A refused run, or one that only rebooted for an operation, tried nothing: what failed before it
 * still stands. */
static bool has_tried(const struct outcome *outcome)
{
        bool is_operation = outcome->trigger && str_has_prefix(outcome->trigger, "operation:");

        return outcome->result != RUN_REFUSED && (outcome->n_packages > 0 || !is_operation);
}

static const struct outcome *last_tried(struct outcome *const *outcomes, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (has_tried(outcomes[i]))
                        return outcomes[i];
        return NULL;
}

static int fill_run_facts(struct selection *selection, struct outcome *const *outcomes,
                          size_t n_outcomes, struct apply_facts *facts)
{
        struct run_facts *runs = &facts->runs;
        size_t n_packages = 0;
        int r;

        for (size_t i = 0; i < n_outcomes; i++)
                n_packages += outcomes[i]->n_packages;
        facts->storage = calloc(3 * n_packages + 1, sizeof(*facts->storage));
        if (!facts->storage)
                return -ENOMEM;
        selection->last_run = last_tried(outcomes, n_outcomes);
        runs->failed = facts->storage;
        r = collect_notes(selection, outcomes, n_outcomes, selects_failed, facts, &runs->n_failed);
        if (r < 0)
                return r;
        runs->updated_this_boot = facts->storage + facts->n_storage;
        r = collect_notes(selection, outcomes, n_outcomes, selects_this_boot, facts,
                          &runs->n_updated_this_boot);
        if (r < 0)
                return r;
        runs->installed_by_baseline = facts->storage + facts->n_storage;
        return collect_notes(selection, outcomes, n_outcomes, selects_baseline, facts,
                             &runs->n_installed_by_baseline);
}

static int read_vetoes(const struct paths *paths, struct apply_facts *facts, struct diag *diag)
{
        CLEANUP(json_freep) struct json *vetoes = NULL;
        int r = read_json(paths, "vetoes.json", &vetoes, diag);

        if (r < 0 || !vetoes)
                return r;
        if (json_length(vetoes) > VETOES_MAX)
                return diag_fail(diag, -EFBIG, "%s/vetoes.json: more than %d vetoes",
                                 paths->apply_state, VETOES_MAX);
        facts->vetoes = calloc(json_length(vetoes) + 1, sizeof(*facts->vetoes));
        if (!facts->vetoes)
                return -ENOMEM;
        for (size_t i = 0; i < json_length(vetoes); i++) {
                const struct json *veto = json_at(vetoes, i);
                const char *name = json_get_string(veto, "name");

                if (!name)
                        return diag_fail(diag, -EINVAL, "%s/vetoes.json: [%zu].name is missing",
                                         paths->apply_state, i);
                r = note_fill(&facts->vetoes[facts->n_vetoes++], name,
                              json_get_string(veto, "arch"), json_get_string(veto, "version"),
                              json_get_string(veto, "reason"));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int fill_kept_back(const struct paths *paths, const struct json *packages,
                          struct apply_facts *facts, struct diag *diag)
{
        if (json_length(packages) > KEPT_BACK_MAX)
                return diag_fail(diag, -EFBIG, "%s/kept-back.json: more than %d packages",
                                 paths->apply_state, KEPT_BACK_MAX);
        facts->kept_back = calloc(json_length(packages) + 1, sizeof(*facts->kept_back));
        if (!facts->kept_back)
                return -ENOMEM;
        for (size_t i = 0; i < json_length(packages); i++) {
                const struct json *package = json_at(packages, i);
                const char *name = json_get_string(package, "name");
                const char *version = json_get_string(package, "version");
                int r;

                if (!name || !version)
                        return diag_fail(diag, -EINVAL,
                                         "%s/kept-back.json: packages[%zu] has no name or version",
                                         paths->apply_state, i);
                r = note_fill(&facts->kept_back[facts->n_kept_back++], name,
                              json_get_string(package, "arch"), version,
                              json_get_string(package, "text"));
                if (r < 0)
                        return r;
        }
        return 0;
}

int apply_state_kept_back(const struct paths *paths, const char *policy_digest,
                          const struct inventory *inventory, struct apply_facts *facts,
                          struct diag *diag)
{
        CLEANUP(json_freep) struct json *known = NULL;
        char indexes[SHA256_TEXT_SIZE];
        int r = read_json(paths, "kept-back.json", &known, diag);

        if (r < 0 || !known)
                return r;
        r = inventory_fingerprint(inventory, indexes);
        if (r < 0)
                return r;
        if (!str_equal(json_get_string(known, "policy"), policy_digest) ||
            !str_equal(json_get_string(known, "indexes"), indexes))
                return 0;
        r = fill_kept_back(paths, json_get(known, "packages"), facts, diag);
        if (r < 0)
                return r;
        facts->runs.kept_back = facts->kept_back;
        facts->runs.n_kept_back = facts->n_kept_back;
        return 0;
}

int apply_state_facts(const struct paths *paths, const char *boot_id, const char *baseline,
                      struct apply_facts *ret, struct diag *diag)
{
        CLEANUP(apply_facts_done) struct apply_facts facts = {0};
        struct selection selection = {.boot_id = boot_id, .baseline = baseline};
        struct outcome **outcomes = NULL;
        size_t n = 0;
        int r;

        r = read_vetoes(paths, &facts, diag);
        if (r < 0)
                return r;
        r = apply_state_outcomes(paths, &outcomes, &n, diag);
        if (r < 0)
                return r;
        r = fill_run_facts(&selection, outcomes, n, &facts);
        if (r >= 0 && n > 0)
                facts.last_run = TAKE_PTR(outcomes[0]);
        outcomes_free(outcomes, n);
        if (r < 0)
                return r;
        *ret = facts;
        facts = (struct apply_facts){0};
        return 0;
}
