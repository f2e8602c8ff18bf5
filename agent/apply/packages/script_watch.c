/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/packages/script_watch.h"

#include "base/str.h"
#include "host/clock.h"
#include "host/log.h"

#include <signal.h>
#include <string.h>

enum {
        USEC_PER_SEC = 1000 * 1000,
        LOOK_EVERY_USEC = 5 * USEC_PER_SEC, /* a look reads all of /proc */
        LOOK_MIN_USEC = USEC_PER_SEC / 10,
        GRACE_USEC = 5 * USEC_PER_SEC,
        AGAIN_USEC = 5 * USEC_PER_SEC, /* for a script that is known to hang */
        AGAIN_GRACE_USEC = USEC_PER_SEC,
        DEPTH_MAX = 64,   /* of ancestors: a loop can only come from reading while it changes */
        FREEZE_MAX = 100, /* rounds: a script that starts more than we can stop goes on */
        MEMBERS_MAX = 4096,
};

struct script_member {
        struct process process;
        int pidfd;
};

void script_watch_init(struct script_watch *watch, const char *proc, const struct backend *backend,
                       uint64_t limit_usec)
{
        *watch = (struct script_watch){
            .proc = proc, .backend = backend, .limit_usec = limit_usec, .grace_usec = GRACE_USEC};
}

static void forget_members(struct script_watch *watch)
{
        for (size_t i = 0; i < watch->n_members; i++)
                closep(&watch->members[i].pidfd);
        free(watch->members);
        watch->members = NULL;
        watch->n_members = 0;
}

static void forget_script(struct script_watch *watch)
{
        free(watch->name);
        watch->name = NULL;
        watch->script = (struct process){0};
        watch->is_ending = false;
}

void script_watch_done(struct script_watch *watch)
{
        forget_members(watch);
        forget_script(watch);
        strv_done(&watch->hung);
}

/* ---- finding ---- */

/* How far below the package manager; 0: not at all. */
static int depth_below(const struct processes *all, const struct process *process, pid_t manager)
{
        for (int depth = 1; process && depth <= DEPTH_MAX; depth++) {
                if (process->parent == manager)
                        return depth;
                process = processes_find(all, process->parent);
        }
        return 0;
}

/* Debconf runs a script again below itself, with its name among the arguments: the process that
 * the package manager has started stays the same. */
static char *script_name(const struct script_watch *watch, const struct process *process)
{
        CLEANUP(strv_done) struct strv arguments = {0};

        if (process_arguments(watch->proc, process->pid, &arguments) < 0)
                return NULL;
        for (size_t i = 0; i < arguments.n_items; i++) {
                char *name = watch->backend->script_name(arguments.items[i]);

                if (name)
                        return name;
        }
        return NULL;
}

/* The outermost: a script may work in a chroot that has a package manager and scripts of its own.
 * The caller frees *ret_name. */
static const struct process *find_script(const struct script_watch *watch,
                                         const struct processes *all, pid_t manager,
                                         char **ret_name)
{
        const struct process *found = NULL;
        int least = DEPTH_MAX + 1;

        for (size_t i = 0; i < all->n_items; i++) {
                const struct process *process = &all->items[i];
                const struct process *parent = processes_find(all, process->parent);
                int depth = 0;
                char *name;

                if (parent && str_equal(parent->name, watch->backend->script_runner))
                        depth = depth_below(all, process, manager);
                if (depth == 0 || depth >= least)
                        continue;
                name = script_name(watch, process);
                if (!name)
                        continue;
                free(*ret_name);
                *ret_name = name;
                least = depth;
                found = process;
        }
        return found;
}

static bool is_same(const struct process *a, const struct process *b)
{
        return a->pid == b->pid && a->started_ticks == b->started_ticks;
}

/* Takes the name. */
static void see_script(struct script_watch *watch, const struct process *script, char *name)
{
        uint64_t limit = watch->limit_usec, age = process_age_usec(script);

        forget_script(watch);
        watch->script = *script;
        watch->name = name;
        if (strv_contains(&watch->hung, name) && limit > AGAIN_USEC)
                limit = AGAIN_USEC;
        watch->deadline_usec = clock_now_usec() + (age < limit ? limit - age : 0);
}

/* ---- ending ---- */

static bool is_member(const struct script_watch *watch, const struct process *process)
{
        for (size_t i = 0; i < watch->n_members; i++)
                if (is_same(&watch->members[i].process, process))
                        return true;
        return false;
}

static bool is_below_member(const struct script_watch *watch, const struct processes *all,
                            const struct process *process)
{
        for (int depth = 0; process && depth < DEPTH_MAX; depth++) {
                process = processes_find(all, process->parent);
                if (process && is_member(watch, process))
                        return true;
        }
        return false;
}

/* Stopped, it starts nothing more; what it has started already is found in the next round. */
static bool add_member(struct script_watch *watch, const struct process *process)
{
        struct script_member *members;
        int pidfd;

        if (watch->n_members >= MEMBERS_MAX)
                return false;
        members = realloc(watch->members, (watch->n_members + 1) * sizeof(*members));
        if (!members)
                return false;
        watch->members = members;
        pidfd = process_hold(watch->proc, process);
        if (pidfd < 0)
                return false;
        process_signal(pidfd, SIGSTOP);
        members[watch->n_members++] = (struct script_member){.process = *process, .pidfd = pidfd};
        return true;
}

/* Whether there was one more. */
static bool add_members(struct script_watch *watch)
{
        CLEANUP(processes_done) struct processes all = {0};
        bool grew = false;

        if (processes_read(watch->proc, &all, NULL) < 0)
                return false;
        for (size_t i = 0; i < all.n_items; i++)
                if (!is_member(watch, &all.items[i]) && is_below_member(watch, &all, &all.items[i]))
                        grew |= add_member(watch, &all.items[i]);
        return grew;
}

/* All of them at once: who ends first would leave its children to somebody else. */
static void signal_members(struct script_watch *watch, int signal)
{
        for (size_t i = 0; i < watch->n_members; i++)
                process_signal(watch->members[i].pidfd, SIGSTOP);
        for (int round = 0; round < FREEZE_MAX && add_members(watch); round++)
                ;
        for (size_t i = 0; i < watch->n_members; i++)
                process_signal(watch->members[i].pidfd, signal);
        for (size_t i = 0; i < watch->n_members; i++)
                process_signal(watch->members[i].pidfd, SIGCONT);
}

static void kill_members(struct script_watch *watch)
{
        if (watch->n_members > 0)
                signal_members(watch, SIGKILL);
        forget_members(watch);
}

static void end_script(struct script_watch *watch)
{
        bool is_known = strv_contains(&watch->hung, watch->name);
        uint64_t grace = watch->grace_usec;

        kill_members(watch); /* of an earlier one */
        watch->is_ending = true;
        if (!add_member(watch, &watch->script))
                return;
        signal_members(watch, SIGTERM);
        if (is_known && grace > AGAIN_GRACE_USEC)
                grace = AGAIN_GRACE_USEC;
        watch->kill_at_usec = clock_now_usec() + grace;
        if (is_known || strv_add(&watch->hung, watch->name) < 0)
                return;
        watch->on_hang(watch->name, process_age_usec(&watch->script), watch->context);
}

/* ---- the whole ---- */

static void find(struct script_watch *watch, pid_t manager)
{
        CLEANUP(processes_done) struct processes all = {0};
        CLEANUP(freep) char *name = NULL;
        const struct process *script;
        struct diag why = {0};
        int r = processes_read(watch->proc, &all, &why);

        if (r < 0) {
                if (!watch->is_blind)
                        log_line(LOG_LEVEL_WARNING,
                                 "a script of a package that hangs is not ended: %s",
                                 diag_text(&why, r));
                watch->is_blind = true;
                return;
        }
        script = find_script(watch, &all, manager, &name);
        if (!script)
                forget_script(watch);
        else if (!is_same(script, &watch->script))
                see_script(watch, script, TAKE_PTR(name));
}

static uint64_t time_until(uint64_t then, uint64_t longest)
{
        uint64_t now = clock_now_usec(), left = then > now ? then - now : 0;

        left = left < LOOK_MIN_USEC ? LOOK_MIN_USEC : left;
        return left < longest ? left : longest;
}

uint64_t script_watch_look(struct script_watch *watch, pid_t pid)
{
        uint64_t longest =
            watch->limit_usec / 4 < LOOK_EVERY_USEC ? watch->limit_usec / 4 : LOOK_EVERY_USEC;

        if (watch->n_members > 0 && clock_now_usec() >= watch->kill_at_usec)
                kill_members(watch);
        find(watch, pid);
        if (watch->script.pid > 0 && !watch->is_ending && clock_now_usec() >= watch->deadline_usec)
                end_script(watch);
        if (watch->hung.n_items > 0 && longest > USEC_PER_SEC)
                longest = USEC_PER_SEC;
        if (watch->n_members > 0)
                longest = time_until(watch->kill_at_usec, longest);
        if (watch->script.pid > 0 && !watch->is_ending)
                longest = time_until(watch->deadline_usec, longest);
        return longest > LOOK_MIN_USEC ? longest : LOOK_MIN_USEC;
}

void script_watch_finish(struct script_watch *watch)
{
        kill_members(watch);
        forget_script(watch);
}
