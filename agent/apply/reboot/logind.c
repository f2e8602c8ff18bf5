/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/reboot/logind.h"

#include "base/str.h"
#include "base/strv.h"
#include "host/spawn.h"

#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#define LOGIND       "org.freedesktop.login1"
#define LOGIND_PATH  "/org/freedesktop/login1"
#define LOGIND_IFACE "org.freedesktop.login1.Manager"
#define SYSTEMD      "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMCTL    "/usr/bin/systemctl"

#define USEC_PER_SEC 1000000ULL

enum { CALL_TIMEOUT_SECONDS = 60, BLOCKERS_MAX = 20, SYSTEMCTL_OUTPUT_MAX_BYTES = 4096 };

static void bus_done(sd_bus **bus)
{
        (void)sd_bus_flush_close_unref(*bus);
}

static int open_bus(sd_bus **ret, struct diag *diag)
{
        int r = sd_bus_open_system(ret);

        if (r >= 0)
                r = sd_bus_set_method_call_timeout(*ret, CALL_TIMEOUT_SECONDS * USEC_PER_SEC);
        return r < 0 ? diag_fail(diag, -ENOENT, "the system bus can't be reached: %s", strerror(-r))
                     : 0;
}

/* -ENOENT: there is no such service on this host. */
static int fail_call(const sd_bus_error *error, int r, const char *what, struct diag *diag)
{
        static const char *const absent[] = {"org.freedesktop.DBus.Error.ServiceUnknown",
                                             "org.freedesktop.DBus.Error.NameHasNoOwner",
                                             "org.freedesktop.systemd1.NoSuchUnit"};

        for (size_t i = 0; i < ELEMENTSOF(absent); i++)
                if (sd_bus_error_has_name(error, absent[i]))
                        r = -ENOENT;
        return diag_fail(diag, r, "%s: %s", what, error->message ?: strerror(-r));
}

/* ---- inhibitors ---- */

static bool blocks_shutdown(const char *what, const char *mode)
{
        for (const char *word = what; *word; word += strcspn(word, ":"), word += *word == ':')
                if (strcspn(word, ":") == strlen("shutdown") && str_has_prefix(word, "shutdown"))
                        return str_has_prefix(mode, "block"); /* block, block-weak */
        return false;
}

static int add_blocker(const char *who, const char *why, unsigned uid, unsigned pid,
                       struct strv *blockers)
{
        CLEANUP(str_done) struct str text = {0};
        CLEANUP(freep) char *taken = NULL;
        int r;

        if (blockers->n_items >= BLOCKERS_MAX)
                return 0;
        str_append_printable(&text, who);
        str_appendf(&text, " (uid %u, pid %u): ", uid, pid);
        str_append_printable(&text, why);
        r = str_take(&text, &taken);
        return r < 0 ? r : strv_add(blockers, taken);
}

static int read_inhibitors(sd_bus_message *reply, struct strv *blockers)
{
        const char *what, *who, *why, *mode;
        uint32_t uid, pid;
        int r = sd_bus_message_enter_container(reply, 'a', "(ssssuu)");

        while (r >= 0) {
                r = sd_bus_message_read(reply, "(ssssuu)", &what, &who, &why, &mode, &uid, &pid);
                if (r <= 0)
                        return r;
                if (blocks_shutdown(what, mode))
                        r = add_blocker(who, why, uid, pid, blockers);
        }
        return r;
}

static int list_blockers(struct strv *ret, struct diag *diag)
{
        CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        CLEANUP(bus_done) sd_bus *bus = NULL;
        struct diag why = {0};
        int r = open_bus(&bus, &why);

        if (r >= 0)
                r = sd_bus_call_method(bus, LOGIND, LOGIND_PATH, LOGIND_IFACE, "ListInhibitors",
                                       &error, &reply, "");
        if (r >= 0)
                r = read_inhibitors(reply, ret);
        else if (bus)
                r = fail_call(&error, r, "systemd-logind does not tell who inhibits a shutdown",
                              &why);
        if (r == -ENOENT)
                return 0; /* without logind there is nobody to ask, and nobody who could inhibit */
        return r < 0 ? diag_fail(diag, r, "%s", diag_text(&why, r)) : 0;
}

int logind_blockers(char **ret, struct diag *diag)
{
        CLEANUP(strv_done) struct strv blockers = {0};
        int r = list_blockers(&blockers, diag);

        *ret = NULL;
        return r < 0 || blockers.n_items == 0 ? r : strv_join(&blockers, "; ", ret);
}

/* ---- the reboot ---- */

static int ask_logind(sd_bus *bus, const char *wall, struct diag *diag)
{
        CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        CLEANUP(sd_bus_error_free) sd_bus_error ignored = SD_BUS_ERROR_NULL;
        int r;

        /* Without its message a reboot is still one. */
        (void)sd_bus_call_method(bus, LOGIND, LOGIND_PATH, LOGIND_IFACE, "SetWallMessage", &ignored,
                                 NULL, "sb", wall, 1);
        r = sd_bus_call_method(bus, LOGIND, LOGIND_PATH, LOGIND_IFACE, "Reboot", &error, NULL, "b",
                               0);
        return r < 0 ? fail_call(&error, r, "systemd-logind does not reboot", diag) : 0;
}

static int ask_systemctl(struct diag *diag)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        CLEANUP(strv_done) struct strv argv = {0};
        const struct spawn_request request = {.argv = &argv,
                                              .timeout_usec = CALL_TIMEOUT_SECONDS * USEC_PER_SEC,
                                              .kill_after_usec = USEC_PER_SEC,
                                              .output_max_bytes = SYSTEMCTL_OUTPUT_MAX_BYTES};
        CLEANUP(freep) char *said = NULL;
        int r;

        if (sd_booted() <= 0)
                return diag_fail(diag, -ENOENT,
                                 "neither systemd-logind nor systemd is here to be asked");
        r = strv_add_all(&argv, (const char *const[]){SYSTEMCTL, "--no-block", "reboot"}, 3);
        if (r >= 0)
                r = spawn_run(&request, &result, diag);
        if (r < 0 || (result.exit_code == 0 && !result.timed_out))
                return r;
        said = spawn_describe(&result);
        return diag_fail(diag, -EIO, SYSTEMCTL " reboot: %s", said ?: "?");
}

int logind_reboot(const char *wall, struct diag *diag)
{
        CLEANUP(bus_done) sd_bus *bus = NULL;
        struct diag why = {0};
        int r = open_bus(&bus, &why);

        if (r >= 0)
                r = ask_logind(bus, wall, &why);
        if (r == -ENOENT)
                return ask_systemctl(diag);
        return r < 0 ? diag_fail(diag, r, "%s", diag_text(&why, r)) : 0;
}

/* ---- after it ---- */

static int read_timestamp(sd_bus *bus, const char *property, time_t *ret, struct diag *diag)
{
        CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        uint64_t usec = 0;
        int r = sd_bus_get_property_trivial(bus, SYSTEMD, SYSTEMD_PATH, SYSTEMD ".Manager",
                                            property, &error, 't', &usec);

        if (r < 0)
                return fail_call(&error, r, "systemd does not tell when it started", diag);
        *ret = (time_t)(usec / USEC_PER_SEC);
        return 0;
}

int logind_boot_times(time_t *ret_begun, time_t *ret_finished, struct diag *diag)
{
        CLEANUP(bus_done) sd_bus *bus = NULL;
        int r = open_bus(&bus, diag);

        if (r >= 0)
                r = read_timestamp(bus, "UserspaceTimestamp", ret_begun, diag);
        return r < 0 ? r : read_timestamp(bus, "FinishTimestamp", ret_finished, diag);
}
