/* SPDX-License-Identifier: Apache-2.0 */
#include "host/updaters.h"

#include "base/str.h"

#include <string.h>

/* What switches an updater on: a unit that is started at boot, or a file that is there. */
static const struct updater {
        const char *name;
        const char *program;     /* has to exist; NULL: any */
        const char *unit;        /* enabled and not masked; NULL: not asked */
        const char *file;        /* has to exist; NULL: not asked */
        bool needs_apt_periodic; /* apt.conf has to ask for it */
} updaters[] = {
    {"unattended-upgrades", "/usr/bin/unattended-upgrade", "apt-daily-upgrade.timer", NULL, true},
    {"packagekit-offline-update", NULL, NULL, "/system-update", false},
    {"dnf-automatic", "/usr/bin/dnf-automatic", "dnf-automatic.timer", NULL, false},
    {"dnf-automatic", "/usr/bin/dnf-automatic", "dnf-automatic-install.timer", NULL, false},
    {"dnf5-automatic", NULL, "dnf5-automatic.timer", NULL, false},
    {"yum-cron", NULL, "yum-cron.service", NULL, false},
    {"os-update", NULL, "os-update.timer", NULL, false},
    {"transactional-update", NULL, "transactional-update.timer", NULL, false},
    {"mintupdate-automation", NULL, "mintupdate-automation-upgrade.timer", NULL, false},
    {"cron-apt", "/usr/sbin/cron-apt", NULL, "/etc/cron.d/cron-apt", false},
};

static bool link_exists(const struct root *root, const char *path)
{
        char *target = NULL;
        int r = root_read_link(root, path, &target);

        free(target);
        /* A file in place of the link counts as well. */
        return r >= 0 || r == -EINVAL;
}

/* A unit file that is a link to /dev/null or empty is masked. */
static bool is_masked(const struct root *root, const char *unit)
{
        CLEANUP(freep) char *path = str_format("/etc/systemd/system/%s", unit);
        char *target = NULL;
        struct stat found;
        bool masked;

        if (!path)
                return false;
        if (root_read_link(root, path, &target) < 0)
                return root_stat(root, path, &found) >= 0 && found.st_size == 0;
        masked = strcmp(target, "/dev/null") == 0;
        free(target);
        return masked;
}

static bool is_enabled(const struct root *root, const char *unit)
{
        static const char *const folders[] = {"/etc/systemd/system/timers.target.wants",
                                              "/etc/systemd/system/multi-user.target.wants",
                                              "/etc/systemd/system/basic.target.wants",
                                              "/usr/lib/systemd/system/timers.target.wants"};

        if (is_masked(root, unit))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                CLEANUP(freep) char *path = str_format("%s/%s", folders[i], unit);

                if (path && link_exists(root, path))
                        return true;
        }
        return false;
}

static bool is_active(const struct root *root, const struct updater *updater, bool apt_periodic)
{
        return (!updater->needs_apt_periodic || apt_periodic) &&
               (!updater->program || root_exists(root, updater->program)) &&
               (!updater->unit || is_enabled(root, updater->unit)) &&
               (!updater->file || link_exists(root, updater->file));
}

int updaters_find(const struct root *root, bool apt_periodic, struct strv *ret)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(updaters); i++)
                if (!strv_contains(ret, updaters[i].name) &&
                    is_active(root, &updaters[i], apt_periodic))
                        r = strv_add(ret, updaters[i].name);
        return r;
}
