/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/reboot/reboot_lock.h"

#include "apply/reboot/reboot_book.h"
#include "base/str.h"
#include "host/host.h"
#include "host/log.h"
#include "host/spawn.h"

#include <string.h>

#define USER         "patchd"
#define USEC_PER_SEC 1000000ULL

enum { TIMEOUT_SECONDS = 120, KILL_AFTER_SECONDS = 5, OUTPUT_MAX_BYTES = 4096 };

/* ---- asking ---- */

static int run(const struct paths *paths, const char *action, struct spawn_result *ret,
               struct diag *diag)
{
        static const char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"};
        CLEANUP(strv_done) struct strv argv = {0}, variables = {0};
        const struct spawn_request request = {.argv = &argv,
                                              .environment = &variables,
                                              .user = USER,
                                              .timeout_usec = TIMEOUT_SECONDS * USEC_PER_SEC,
                                              .kill_after_usec = KILL_AFTER_SECONDS * USEC_PER_SEC,
                                              .output_max_bytes = OUTPUT_MAX_BYTES};
        int r = strv_addf(&argv, "%s/patchd-cycle", paths->libexec);

        if (r >= 0)
                r = strv_add_all(&argv, (const char *const[]){"--fleet-lock", action}, 2);
        if (r >= 0)
                r = strv_add_all(&variables, environment, ELEMENTSOF(environment));
        return r < 0 ? r : spawn_run(&request, ret, diag);
}

/* The last line of what it said, without its own name. */
static char *describe(const struct spawn_result *result)
{
        CLEANUP(freep) char *all = spawn_describe(result);
        const char *said = all ? strstr(all, "patchd-cycle: ") : NULL;

        return all ? str_format("FleetLock: %s", said ? said + strlen("patchd-cycle: ") : all)
                   : NULL;
}

/* *ret_said: what went wrong; NULL: the server said yes. */
static int ask(const struct paths *paths, const char *action, char **ret_said)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        struct diag why = {0};
        int r = run(paths, action, &result, &why);

        if (r == -ENOMEM)
                return r;
        if (r >= 0 && result.exit_code == 0 && !result.timed_out)
                return 0;
        *ret_said = r < 0 ? str_format("FleetLock: %s", diag_text(&why, r)) : describe(&result);
        return *ret_said ? 0 : -ENOMEM;
}

static int is_configured(const struct paths *paths, bool *ret, struct diag *diag)
{
        CLEANUP(config_freep) struct config *config = NULL;
        int r = config_load(paths, &config, diag);

        if (r < 0)
                return r;
        *ret = config->fleet_lock_url != NULL;
        return 0;
}

/* ---- the book ---- */

static int note_held(const struct paths *paths, struct diag *diag)
{
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        CLEANUP(freep) char *boot_id = host_boot_id();
        int r = boot_id ? reboot_book_read(paths, &book) : -ENOMEM;

        if (r < 0 || str_equal(book.lock_boot_id, boot_id))
                return r;
        free(book.lock_boot_id);
        book.lock_boot_id = TAKE_PTR(boot_id);
        book.locked_at = time(NULL);
        return reboot_book_write(paths, &book, diag);
}

static int note_free(const struct paths *paths, struct reboot_book *book, struct diag *diag)
{
        free(book->lock_boot_id);
        book->lock_boot_id = NULL;
        book->locked_at = 0;
        return reboot_book_write(paths, book, diag);
}

/* ---- the calls ---- */

int reboot_lock_take(const struct paths *paths, char **ret_obstacle, struct diag *diag)
{
        bool is_wanted = false;
        int r = is_configured(paths, &is_wanted, diag);

        if (r < 0 || !is_wanted)
                return r;
        r = note_held(paths, diag);
        return r < 0 ? r : ask(paths, "pre-reboot", ret_obstacle);
}

int reboot_lock_release(const struct paths *paths, struct diag *diag)
{
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        CLEANUP(freep) char *said = NULL;
        bool is_wanted = false;
        int r = reboot_book_read(paths, &book);

        if (r < 0 || !book.lock_boot_id)
                return r;
        r = is_configured(paths, &is_wanted, diag);
        if (r >= 0 && is_wanted)
                r = ask(paths, "steady-state", &said);
        if (r < 0)
                return r;
        if (said)
                return diag_fail(diag, -EAGAIN, "the lock is not given back yet: %s", said);
        return note_free(paths, &book, diag);
}
