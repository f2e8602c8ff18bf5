/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/state.h"

#include "base/str.h"
#include "host/files.h"
#include "host/log.h"
#include "host/running.h"

#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { INTENTS_MAX = 1000, FILE_MAX_BYTES = 4 * 1024 * 1024 };

char *state_path(const struct paths *paths, const char *name)
{
        return str_format("%s/%s", paths->apply_state, name);
}

/* ---- folders ---- */

/*
 * archives: apt fetches as its own user (_apt), which has to reach partial/ and nothing else; with
 * 0700 it would warn and fetch as root. Others can pass through, but list and write nothing.
 */
static const struct {
        const char *name;
        mode_t mode;
        const char *owner; /* NULL: root */
} folders[] = {
    {"intents", 0755, NULL},    {"outcomes", 0755, NULL},     {"work", 0700, NULL},
    {"work/empty", 0700, NULL}, {"archives", 0711, NULL},     {"archives/partial", 0700, "_apt"},
    {"kept", 0700, NULL},       {RUNNING_FOLDER, 0755, NULL},
};

static int prepare_folder(const char *path, mode_t mode, const char *owner, struct diag *diag)
{
        const struct passwd *user = owner ? getpwnam(owner) : NULL;
        CLEANUP(closep) int fd = -EBADF;

        if (mkdir(path, mode) < 0 && errno != EEXIST)
                return diag_fail(diag, -errno, "%s: cannot create the folder: %s", path,
                                 strerrordesc_np(errno));
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fchown(fd, user ? user->pw_uid : 0, 0) < 0 || fchmod(fd, mode) < 0)
                return diag_fail(diag, -errno, "%s: cannot set up the folder: %s", path,
                                 strerrordesc_np(errno));
        return 0;
}

int state_prepare(const struct paths *paths, struct diag *diag)
{
        int r = prepare_folder(paths->apply_state, 0755, NULL, diag);

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(folders); i++) {
                CLEANUP(freep) char *path = state_path(paths, folders[i].name);

                r = path ? prepare_folder(path, folders[i].mode, folders[i].owner, diag) : -ENOMEM;
        }
        return r;
}

/* ---- JSON files ---- */

int state_read_json(const struct paths *paths, const char *name, struct json **ret)
{
        CLEANUP(freep) char *path = state_path(paths, name);
        CLEANUP(blob_done) struct blob text = {0};

        *ret = NULL;
        if (!path)
                return -ENOMEM;
        if (files_read(path, FILE_MAX_BYTES, true, &text, NULL) < 0)
                return 0;
        return json_parse(text.data, text.size, ret, NULL) == -ENOMEM ? -ENOMEM : 0;
}

int state_write_text(const struct paths *paths, const char *name, const char *text,
                     struct diag *diag)
{
        CLEANUP(freep) char *path = state_path(paths, name);

        return path ? files_write_atomic(path, text, strlen(text), 0644, diag) : -ENOMEM;
}

static int remove_file(const struct paths *paths, const char *name, struct diag *diag)
{
        CLEANUP(freep) char *path = state_path(paths, name);

        return path ? files_remove(path, diag) : -ENOMEM;
}

/* ---- the lock ---- */

void run_lock_done(struct run_lock *lock)
{
        closep(&lock->fd);
        lock->fd = -EBADF;
}

void lock_holder_done(struct lock_holder *holder)
{
        free(holder->run_id);
        *holder = (struct lock_holder){0};
}

static int read_holder(int fd, struct lock_holder *holder)
{
        CLEANUP(json_freep) struct json *json = NULL;
        char text[512];
        ssize_t n = pread(fd, text, sizeof(text), 0);

        if (n > 0 && json_parse(text, (size_t)n, &json, NULL) == -ENOMEM)
                return -ENOMEM;
        holder->run_id = strdup((json ? json_get_string(json, "run_id") : NULL) ?: "");
        holder->since = json ? json_get_time(json, "since") : 0;
        return holder->run_id ? 0 : -ENOMEM;
}

static int open_lock(const struct paths *paths, int *ret_fd, struct diag *diag)
{
        CLEANUP(freep) char *path = state_path(paths, "run.lock");
        int fd, r;

        if (!path)
                return -ENOMEM;
        /* Who can open it can lock it, and keep every run from starting. */
        fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0 || fchmod(fd, 0600) < 0) {
                r = diag_fail(diag, -errno, "%s: cannot open: %s", path, strerrordesc_np(errno));
                closep(&fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

/* For the next caller; not being able to write it stops nothing. */
static void write_holder(int fd, const char *run_id, time_t now)
{
        char since[TIME_TEXT_SIZE];
        CLEANUP(freep)
        char *text = str_format("{\"run_id\":\"%s\",\"since\":\"%s\"}\n", run_id,
                                time_to_rfc3339(now, since));

        if (text && ftruncate(fd, 0) == 0)
                (void)!pwrite(fd, text, strlen(text), 0);
}

int run_lock_take(const struct paths *paths, const char *run_id, time_t now, struct run_lock *ret,
                  struct lock_holder *holder, struct diag *diag)
{
        CLEANUP(closep) int fd = -EBADF;
        int r = open_lock(paths, &fd, diag);

        if (r < 0)
                return r;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                r = read_holder(fd, holder);
                return r < 0 ? r : -EBUSY;
        }
        write_holder(fd, run_id, now);
        ret->fd = TAKE_FD(fd);
        return 0;
}

int run_lock_look(const struct paths *paths, struct lock_holder *holder, struct diag *diag)
{
        CLEANUP(closep) int fd = -EBADF;
        int r = open_lock(paths, &fd, diag);

        if (r < 0)
                return r;
        *holder = (struct lock_holder){0};
        return flock(fd, LOCK_SH | LOCK_NB) == 0 ? 0 : read_holder(fd, holder);
}

/* ---- intents and outcomes ---- */

static int write_run(const struct paths *paths, const char *folder, const struct outcome *outcome,
                     struct diag *diag)
{
        CLEANUP(freep) char *name = str_format("%s/%s.json", folder, outcome->run_id);
        CLEANUP(freep) char *text = NULL;
        int r = name ? outcome_to_text(outcome, &text) : -ENOMEM;

        return r < 0 ? r : state_write_text(paths, name, text, diag);
}

int state_write_intent(const struct paths *paths, const struct outcome *outcome, struct diag *diag)
{
        return write_run(paths, "intents", outcome, diag);
}

int state_intents(const struct paths *paths, struct strv *ret, struct diag *diag)
{
        CLEANUP(freep) char *folder = state_path(paths, "intents");
        int r = folder ? files_list(folder, ".json", INTENTS_MAX, ret, diag) : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < ret->n_items; i++)
                ret->items[i][strlen(ret->items[i]) - strlen(".json")] = '\0';
        return r;
}

int state_read_intent(const struct paths *paths, const char *run_id, struct outcome **ret,
                      struct diag *diag)
{
        CLEANUP(freep) char *name = str_format("intents/%s.json", run_id);
        CLEANUP(freep) char *path = name ? state_path(paths, name) : NULL;
        CLEANUP(blob_done) struct blob text = {0};
        int r = path ? files_read(path, FILE_MAX_BYTES, true, &text, diag) : -ENOMEM;

        if (r < 0)
                return r;
        r = outcome_from_text(text.data, text.size, ret, diag);
        if (r < 0)
                diag_prefix(diag, "%s", path);
        return r;
}

int state_remove_intent(const struct paths *paths, const char *run_id, struct diag *diag)
{
        CLEANUP(freep) char *name = str_format("intents/%s.json", run_id);

        return name ? remove_file(paths, name, diag) : -ENOMEM;
}

/* Not being able to tidy up is no failure of the run. */
static void prune_outcomes(const struct paths *paths)
{
        struct outcome **outcomes = NULL;
        size_t n = 0, n_changes = 0, n_rest = 0;

        if (apply_state_outcomes(paths, &outcomes, &n, NULL) < 0)
                return;
        for (size_t i = 0; i < n; i++) {
                bool is_kept = outcome_has_changed(outcomes[i])
                                   ? ++n_changes <= APPLY_STATE_CHANGES_MAX
                                   : ++n_rest <= APPLY_STATE_OTHERS_MAX;
                CLEANUP(freep)
                char *name = is_kept ? NULL : str_format("outcomes/%s.json", outcomes[i]->run_id);

                if (name)
                        (void)!remove_file(paths, name, NULL);
                outcome_free(outcomes[i]);
        }
        free(outcomes);
}

int state_write_outcome(const struct paths *paths, const struct outcome *outcome, struct diag *diag)
{
        int r = write_run(paths, "outcomes", outcome, diag);

        if (r >= 0)
                prune_outcomes(paths);
        return r;
}

/* ---- pause ---- */

int state_write_pause(const struct paths *paths, time_t now, time_t until, uid_t by,
                      struct diag *diag)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;
        int r;

        json_begin_object(writer, NULL);
        json_add_time(writer, "paused_at", now);
        json_add_time(writer, "until", until);
        json_add_int(writer, "by", by);
        json_end(writer);
        r = json_writer_finish(writer, true, &text);
        return r < 0 ? r : state_write_text(paths, "pause.json", text, diag);
}

int state_remove_pause(const struct paths *paths, struct diag *diag)
{
        return remove_file(paths, "pause.json", diag);
}

/* ---- stamps and ledger ---- */

int state_write_stamps(const struct paths *paths, const struct backend_refresh *refresh, time_t now,
                       struct diag *diag)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(json_freep) struct json *old = NULL;
        CLEANUP(freep) char *text = NULL;
        int r = state_read_json(paths, "stamps.json", &old);

        if (r < 0)
                return r;
        json_begin_object(writer, NULL);
        for (size_t i = 0; i < refresh->n_items; i++) {
                const struct backend_refreshed *item = &refresh->items[i];
                time_t stamp = item->is_fresh ? now
                               : old          ? json_get_time(old, item->repository)
                                              : 0;

                if (stamp > 0)
                        json_add_time(writer, item->repository, stamp);
        }
        json_end(writer);
        r = json_writer_finish(writer, true, &text);
        return r < 0 ? r : state_write_text(paths, "stamps.json", text, diag);
}

/* Damage would make every result unknown for ever; what was lost is seen again, later. */
static int mend_ledger(const struct paths *paths, const char *path, const char *damage,
                       struct diag *diag)
{
        CLEANUP(blob_done) struct blob text = {0};
        CLEANUP(freep) char *good = NULL;
        int r = files_read(path, LEDGER_SIZE_MAX_BYTES, true, &text, diag);

        if (r >= 0)
                r = ledger_mend(text.data ?: "", text.size, &good);
        if (r >= 0)
                r = state_write_text(paths, "ledger.jsonl", good, diag);
        if (r >= 0)
                log_event(EVENT_STATE_PROBLEM, &(struct event_fields){.reason = damage});
        return r;
}

int state_append_ledger(const struct paths *paths, const struct inventory *inventory,
                        struct diag *diag)
{
        CLEANUP(ledger_freep) struct ledger *ledger = NULL;
        CLEANUP(freep) char *damaged = NULL, *path = state_path(paths, "ledger.jsonl");
        CLEANUP(strv_done) struct strv lines = {0};
        int r = path ? apply_state_ledger(paths, &ledger, &damaged, diag) : -ENOMEM;

        if (r >= 0 && damaged)
                r = mend_ledger(paths, path, damaged, diag);
        if (r >= 0)
                r = ledger_new_lines(ledger, inventory, &lines);
        for (size_t i = 0; r >= 0 && i < lines.n_items; i++)
                r = files_append_line(path, lines.items[i], 0644, diag);
        return r;
}

/* ---- kept back ---- */

/* What is known already is not written again: the file's time counts as news for the cycle. */
static bool is_known(const struct paths *paths, const char *name, const char *text)
{
        CLEANUP(freep) char *path = state_path(paths, name);
        CLEANUP(blob_done) struct blob known = {0};

        return path && files_read(path, FILE_MAX_BYTES, true, &known, NULL) >= 0 &&
               known.size == strlen(text) && memcmp(known.data, text, known.size) == 0;
}

int state_write_kept_back(const struct paths *paths, const char *policy_digest,
                          const struct inventory *inventory, const struct package_note *notes,
                          size_t n_notes, struct diag *diag)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;
        char indexes[SHA256_TEXT_SIZE];
        int r = inventory_fingerprint(inventory, indexes);

        if (r < 0)
                return r;
        json_begin_object(writer, NULL);
        json_add_string(writer, "policy", policy_digest);
        json_add_string(writer, "indexes", indexes);
        json_begin_array(writer, "packages");
        for (size_t i = 0; i < n_notes; i++) {
                json_begin_object(writer, NULL);
                json_add_string(writer, "name", notes[i].name);
                json_add_string(writer, "arch", notes[i].arch);
                json_add_string(writer, "version", notes[i].version);
                json_add_string(writer, "text", notes[i].text);
                json_end(writer);
        }
        json_end(writer);
        json_end(writer);
        r = json_writer_finish(writer, true, &text);
        if (r < 0 || is_known(paths, "kept-back.json", text))
                return r;
        return state_write_text(paths, "kept-back.json", text, diag);
}

int state_remove_kept_back(const struct paths *paths, struct diag *diag)
{
        return remove_file(paths, "kept-back.json", diag);
}
