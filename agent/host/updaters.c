/* SPDX-License-Identifier: Apache-2.0 */
#include "host/updaters.h"

#include "base/str.h"

#include <string.h>

#define UNATTENDED       "unattended-upgrades"
#define HAND_OVER        "/usr/share/patchd/hand-over"
#define HANDED_OVER_LINK "/etc/apt/apt.conf.d/99patchd" /* to HAND_OVER.conf */

/* What apt.conf has to ask for besides. */
enum wish { WISH_NONE, WISH_DAILY, WISH_AT_SHUTDOWN };

/* What switches an updater on: a unit that is started at boot, or a file that is there. */
static const struct updater {
        const char *name;
        const char *program; /* has to exist; NULL: any */
        const char *unit;    /* enabled and not masked; NULL: not asked */
        const char *file;    /* has to exist; NULL: not asked */
        enum wish wish;
} updaters[] = {
    {UNATTENDED, "/usr/bin/unattended-upgrade", "apt-daily-upgrade.timer", NULL, WISH_DAILY},
    {UNATTENDED, "/usr/bin/unattended-upgrade", "unattended-upgrades.service", NULL,
     WISH_AT_SHUTDOWN},
    {"packagekit-offline-update", NULL, NULL, "/system-update", WISH_NONE},
    {"dnf-automatic", "/usr/bin/dnf-automatic", "dnf-automatic.timer", NULL, WISH_NONE},
    {"dnf-automatic", "/usr/bin/dnf-automatic", "dnf-automatic-install.timer", NULL, WISH_NONE},
    {"dnf5-automatic", NULL, "dnf5-automatic.timer", NULL, WISH_NONE},
    {"yum-cron", NULL, "yum-cron.service", NULL, WISH_NONE},
    {"os-update", NULL, "os-update.timer", NULL, WISH_NONE},
    {"transactional-update", NULL, "transactional-update.timer", NULL, WISH_NONE},
    {"mintupdate-automation", NULL, "mintupdate-automation-upgrade.timer", NULL, WISH_NONE},
    {"cron-apt", "/usr/sbin/cron-apt", NULL, "/etc/cron.d/cron-apt", WISH_NONE},
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

static bool is_active(const struct root *root, const struct updater *updater,
                      const struct apt_unattended *apt)
{
        const bool is_wished[] = {
            [WISH_NONE] = true, [WISH_DAILY] = apt->daily, [WISH_AT_SHUTDOWN] = apt->at_shutdown};

        return is_wished[updater->wish] &&
               (!updater->program || root_exists(root, updater->program)) &&
               (!updater->unit || is_enabled(root, updater->unit)) &&
               (!updater->file || link_exists(root, updater->file));
}

int updaters_find(const struct root *root, const struct apt_unattended *apt, struct strv *ret)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(updaters); i++)
                if (!strv_contains(ret, updaters[i].name) && is_active(root, &updaters[i], apt))
                        r = strv_add(ret, updaters[i].name);
        return r;
}

const char *updaters_hand_over(const char *name)
{
        return strcmp(name, UNATTENDED) == 0 ? HAND_OVER : NULL;
}

bool updaters_are_handed_over(const struct root *root)
{
        return root_exists(root, HANDED_OVER_LINK);
}
