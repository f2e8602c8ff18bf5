/* SPDX-License-Identifier: Apache-2.0 */
#include "cycle/fingerprint.h"

#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

/* What a judgement reads outside patchd's own folders. A folder counts with all that is in it. What
 * is not there counts as absent, so that each kind of host can stand in one list. */
static const char *const host_inputs[] = {
    "/etc/os-release",
    "/etc/hostname",
    "/etc/machine-id",
    "/etc/localtime",
    "/etc/systemd/system/timers.target.wants",
    "/etc/systemd/system/multi-user.target.wants",
    "/run/reboot-required",
    "/run/reboot-required.pkgs",
#ifdef PATCHD_DEB
    "/etc/apt",
    "/var/lib/apt/extended_states",
    "/var/lib/apt/lists",
    "/var/lib/dpkg/status",
    "/var/lib/dpkg/updates",
#endif
#ifdef PATCHD_RPM
    "/etc/dnf",
    "/etc/yum.conf",
    "/etc/yum.repos.d",
    "/etc/zypp",
    "/usr/lib/sysimage/rpm",
    "/var/cache/dnf",
    "/var/cache/zypp",
    "/var/lib/dnf",
    "/var/lib/rpm",
#endif
};

/* In the helper's folder; stamps.json is not among them: a refresh that brought nothing new only
 * moves the time at which the indexes grow stale, and later than noted. */
static const char *const helper_inputs[] = {
    "ledger.jsonl",   "builds.jsonl", "pause.json", "vetoes.json",
    "kept-back.json", "intents",      "outcomes",   "done-operations.jsonl",
};

struct scan {
        struct digest *digest;
        size_t n_files;
};

static int add_entry(struct scan *scan, int folder, const char *name, int depth);

static int add_text(struct scan *scan, const char *text)
{
        return digest_add(scan->digest, text, strlen(text) + 1);
}

/* apt's working files move at each refresh, also when it brought nothing. */
static bool is_skipped(const char *name)
{
        static const char *const names[] = {".", "..", "lock", "partial", "auxfiles"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcmp(name, names[i]) == 0)
                        return true;
        return false;
}

static int add_names(struct scan *scan, DIR *folder, int depth)
{
        for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
                int r;

                if (is_skipped(entry->d_name))
                        continue;
                r = add_entry(scan, dirfd(folder), entry->d_name, depth);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The order is the folder's own: it differs only when the folder does, and then one judgement more
 * is made than needed. */
static int add_folder(struct scan *scan, int parent, const char *name, int depth)
{
        int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *folder;
        int r;

        if (fd < 0)
                return add_text(scan, "unreadable");
        folder = fdopendir(fd);
        if (!folder) {
                (void)close(fd);
                return -ENOMEM;
        }
        r = add_names(scan, folder, depth + 1);
        (void)closedir(folder);
        return r;
}

static int add_entry(struct scan *scan, int folder, const char *name, int depth)
{
        struct stat entry;
        int r;

        if (++scan->n_files > FINGERPRINT_FILES_MAX)
                return -E2BIG;
        r = add_text(scan, name);
        if (r < 0)
                return r;
        if (fstatat(folder, name, &entry, 0) < 0)
                return add_text(scan, "absent");
        if (S_ISDIR(entry.st_mode))
                return depth < FINGERPRINT_DEPTH_MAX ? add_folder(scan, folder, name, depth) : 0;
        const int64_t facts[] = {
            (int64_t)entry.st_ino,         (int64_t)entry.st_size,
            (int64_t)entry.st_mtim.tv_sec, (int64_t)entry.st_mtim.tv_nsec,
            (int64_t)entry.st_ctim.tv_sec, (int64_t)entry.st_ctim.tv_nsec,
        };
        return digest_add(scan->digest, facts, sizeof(facts));
}

static int add_file_text(struct scan *scan, const char *path)
{
        char text[256] = "";
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

        if (fd >= 0)
                (void)close(fd);
        return n > 0 ? digest_add(scan->digest, text, (size_t)n) : add_text(scan, "absent");
}

static int add_running_system(struct scan *scan, const char *policy_digest)
{
        struct utsname names = {0};
        int r;

        (void)uname(&names);
        r = add_text(scan, PATCHD_VERSION);
        if (r >= 0)
                r = add_text(scan, policy_digest);
        if (r >= 0)
                r = digest_add(scan->digest, &names, sizeof(names));
        /* Files of /proc have no times that mean something. */
        return r < 0 ? r : add_file_text(scan, "/proc/sys/kernel/random/boot_id");
}

static int add_feeds(struct scan *scan, const struct paths *paths)
{
        CLEANUP(freep) char *path = str_format("%s/feeds", paths->state);

        return path ? add_entry(scan, AT_FDCWD, path, 0) : -ENOMEM;
}

static int add_own_files(struct scan *scan, const struct paths *paths)
{
        int r = add_entry(scan, AT_FDCWD, paths->etc, 0);

        if (r >= 0)
                r = add_entry(scan, AT_FDCWD, paths->usr, 0);
        if (r >= 0)
                r = add_entry(scan, AT_FDCWD, paths->share, 0);
        if (r >= 0)
                r = add_feeds(scan, paths);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(helper_inputs); i++) {
                CLEANUP(freep)
                char *path = str_format("%s/%s", paths->apply_state, helper_inputs[i]);

                r = path ? add_entry(scan, AT_FDCWD, path, 0) : -ENOMEM;
        }
        return r;
}

int fingerprint_make(const struct paths *paths, const char *policy_digest,
                     char ret[static SHA256_TEXT_SIZE])
{
        CLEANUP(digest_freep) struct digest *digest = digest_new();
        struct scan scan = {.digest = digest};
        int r;

        if (!digest)
                return -ENOMEM;
        r = add_running_system(&scan, policy_digest);
        if (r >= 0)
                r = add_own_files(&scan, paths);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(host_inputs); i++)
                r = add_entry(&scan, AT_FDCWD, host_inputs[i], 0);
        return r < 0 ? r : digest_finish(digest, ret);
}

/* ---- how long it holds ---- */

/* Moves *until to time when that lies between now and it. */
static void at_most(time_t *until, time_t now, time_t time)
{
        if (time > now && time < *until)
                *until = time;
}

static void consider_approvals(const struct decisions *decisions, time_t now, time_t *until)
{
        for (size_t i = 0; i < decisions->n_items; i++)
                for (size_t n = 0; n < decisions->items[i].n_verdicts; n++)
                        at_most(until, now, decisions->items[i].verdicts[n].approve_at);
}

static void consider_indexes(const struct inventory *inventory, int64_t max_age_hours, time_t now,
                             time_t *until)
{
        for (size_t i = 0; i < inventory->n_indexes; i++) {
                const struct package_index *index = inventory->indexes[i];

                at_most(until, now, index->valid_until);
                at_most(until, now, index->date); /* a clock that was behind catches up */
                if (index->refreshed_at > 0)
                        at_most(until, now,
                                index->refreshed_at + max_age_hours * SECONDS_PER_HOUR + 1);
        }
}

static void consider_window(const struct window *window, time_t now, time_t *until)
{
        struct opening opening;

        if (!window || !window_next(window, now, &opening))
                return;
        at_most(until, now, opening.opens_at - FINGERPRINT_LEAD_SECONDS);
        at_most(until, now, opening.opens_at);
        at_most(until, now, opening.cutoff_at);
        at_most(until, now, opening.closes_at);
}

static void consider_policy(const struct policy *policy, time_t now, time_t *until)
{
        at_most(until, now, policy->issued);
        at_most(until, now, policy->expires);
        for (size_t i = 0; i < policy->n_operations; i++)
                at_most(until, now, policy->operations[i].expires);
}

time_t fingerprint_holds_until(const struct judgement *judgement)
{
        const struct decisions *decisions = judgement->decisions;
        time_t now = judgement->input.now;
        time_t until = now + FINGERPRINT_HOLDS_SECONDS;

        /* An unknown state may end by what no file shows. */
        if (decisions->compliance == COMPLIANCE_UNKNOWN)
                return now;
        consider_policy(judgement->input.policy, now, &until);
        consider_approvals(decisions, now, &until);
        consider_indexes(judgement->inventory, judgement->limits.max_index_age_hours, now, &until);
        if (decisions->assignment)
                consider_window(decisions->assignment->window, now, &until);
        if (judgement->limits.is_paused)
                at_most(&until, now, judgement->limits.paused_until);
        /* Dates that count whole days turn at midnight. */
        at_most(&until, now, now - now % SECONDS_PER_DAY + SECONDS_PER_DAY);
        return until;
}
