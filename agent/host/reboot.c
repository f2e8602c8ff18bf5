/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host.h"

#include "base/str.h"
#include "packages/inventory.h"

#include <ctype.h>
#include <string.h>
#include <sys/utsname.h>

enum {
        MARK_MAX_BYTES = 64 * 1024,
        ENVIRON_MAX_BYTES = 1024 * 1024,
        NAMED_PACKAGES_MAX = 20,
};

static const char *const reboot_words[] = {
    [REBOOT_REQUIRED_UNKNOWN] = "unknown",
    [REBOOT_REQUIRED_NO] = "no",
    [REBOOT_REQUIRED_YES] = "yes",
};
const struct enum_table reboot_required_names = ENUM_TABLE(reboot_words);

void reboot_state_done(struct reboot_state *state)
{
        strv_done(&state->reasons);
        *state = (struct reboot_state){0};
}

/* ---- containers ---- */

static bool environ_names_container(const struct root *root)
{
        CLEANUP(blob_done) struct blob environ = {0};

        /* Only root may read it; the other signs are for the rest of us. */
        if (root_read(root, "proc/1/environ", ENVIRON_MAX_BYTES, &environ, NULL) < 0)
                return false;
        for (size_t i = 0; i < environ.size; i += strlen(environ.data + i) + 1)
                if (str_has_prefix(environ.data + i, "container=") && environ.data[i + 10] != '\0')
                        return true;
        return false;
}

static bool root_is_container(const struct root *root)
{
        static const char *const signs[] = {"run/systemd/container", ".dockerenv",
                                            "run/.containerenv"};

        for (size_t i = 0; i < ELEMENTSOF(signs); i++)
                if (root_exists(root, signs[i]))
                        return true;
        return environ_names_container(root);
}

bool host_is_container(void)
{
        CLEANUP(root_done) struct root root = {.fd = -EBADF};

        return root_open(NULL, &root, NULL) >= 0 && root_is_container(&root);
}

/* ---- what packages asked for ---- */

/* "linux-image-6.1.0-43-amd64, dbus": each name once, of many only the first ones. */
static int join_names(char *text, char **ret)
{
        CLEANUP(strv_done) struct strv names = {0};
        char *line;
        int r = 0;

        while (r >= 0 && (line = strsep(&text, "\n"))) {
                line += strspn(line, " \t\r");
                line[strcspn(line, " \t\r")] = '\0';
                if (*line == '\0' || strv_contains(&names, line))
                        continue;
                if (names.n_items == NAMED_PACKAGES_MAX) {
                        r = strv_add(&names, "...");
                        break;
                }
                r = strv_add(&names, line);
        }
        return r < 0 ? r : strv_join(&names, ", ", ret);
}

static int check_marks(const struct root *root, struct reboot_state *state)
{
        static const struct {
                const char *mark, *packages; /* that asked for it, one a line */
        } marks[] = {
            {"run/reboot-required", "run/reboot-required.pkgs"}, /* Debian, Ubuntu */
            {"run/reboot-needed", NULL},                         /* zypp */
        };

        for (size_t i = 0; i < ELEMENTSOF(marks); i++) {
                CLEANUP(blob_done) struct blob packages = {0};
                CLEANUP(freep) char *names = NULL;
                int r = 0;

                if (!root_exists(root, marks[i].mark))
                        continue;
                if (marks[i].packages &&
                    root_read(root, marks[i].packages, MARK_MAX_BYTES, &packages, NULL) >= 0)
                        r = join_names(packages.data, &names);
                if (r >= 0 && names && *names)
                        r = strv_addf(&state->reasons, "/%s: asked for by %s", marks[i].mark,
                                      names);
                else if (r >= 0)
                        r = strv_addf(&state->reasons, "/%s is there", marks[i].mark);
                if (r < 0)
                        return r;
                state->required = REBOOT_REQUIRED_YES;
        }
        return 0;
}

/* ---- the kernel ---- */

/* Where the flavour of a release begins: "-cloud-amd64" of 6.1.0-43-cloud-amd64, "-generic",
 * ".x86_64" of an rpm's. A kernel replaces only those of its own flavour. */
static size_t flavour_at(const char *release, enum package_format format)
{
        const char *dot = strrchr(release, '.');

        if (format == FORMAT_RPM && dot && isalpha((unsigned char)dot[1]))
                return (size_t)(dot - release);
        for (const char *p = release; *p; p++)
                if (*p == '-' && isalpha((unsigned char)p[1]))
                        return (size_t)(p - release);
        return strlen(release);
}

/* Orders releases of one flavour without it: as a part of the version it would sort wrongly. Gives
 * -ENOMEM or 0. */
static int compare_releases(const struct inventory *inventory, const char *a, const char *b,
                            int *ret)
{
        CLEANUP(freep) char *version_a = strndup(a, flavour_at(a, inventory->format));
        CLEANUP(freep) char *version_b = strndup(b, flavour_at(b, inventory->format));

        if (!version_a || !version_b)
                return -ENOMEM;
        *ret = inventory_compare_versions(inventory, version_a, version_b);
        return 0;
}

/* The newest installed kernel of running's flavour; NULL: none. */
static int newest_kernel(const struct inventory *inventory, const char *running, const char **ret)
{
        const char *flavour = running + flavour_at(running, inventory->format), *newest = NULL;

        for (size_t i = 0; i < inventory->kernels.n_items; i++) {
                const char *release = inventory->kernels.items[i];
                int order = 1, r = 0;

                if (strcmp(release + flavour_at(release, inventory->format), flavour) != 0)
                        continue;
                if (newest)
                        r = compare_releases(inventory, release, newest, &order);
                if (r < 0)
                        return r;
                if (order > 0)
                        newest = release;
        }
        *ret = newest;
        return 0;
}

/*
 * Debian also replaces a kernel in place, under the same release; then only the running kernel's
 * own words ("#1 SMP PREEMPT_DYNAMIC Debian 6.1.170-3 (2026-09-08)") tell its version.
 */
static int check_rebuilt(const struct inventory *inventory, const char *running,
                         struct reboot_state *state)
{
        CLEANUP(freep) char *name = str_format("linux-image-%s", running), *version = NULL;
        const struct package *package;
        struct utsname uts;
        const char *word;

        if (!name)
                return -ENOMEM;
        package = inventory_find(inventory, name, NULL);
        if (!package || !package->version || uname(&uts) < 0 || strcmp(uts.release, running) != 0)
                return 0;
        word = strstr(uts.version, " Debian ");
        if (!word)
                return 0;
        word += strlen(" Debian ");
        version = strndup(word, strcspn(word, " "));
        if (!version)
                return -ENOMEM;
        if (inventory_compare_versions(inventory, package->version, version) == 0)
                return 0;
        state->required = REBOOT_REQUIRED_YES;
        return strv_addf(&state->reasons, "kernel %s runs in version %s, version %s is installed",
                         running, version, package->version);
}

static int check_kernel(const struct inventory *inventory, const char *running,
                        struct reboot_state *state)
{
        const char *newest = NULL;
        int order = 0, r;

        r = newest_kernel(inventory, running, &newest);
        if (r >= 0 && newest)
                r = compare_releases(inventory, newest, running, &order);
        if (r < 0)
                return r;
        if (newest && order > 0) {
                state->required = REBOOT_REQUIRED_YES;
                return strv_addf(&state->reasons, "kernel %s runs, the newer %s is installed",
                                 running, newest);
        }
        if (strv_contains(&inventory->kernels, running))
                return check_rebuilt(inventory, running, state);
        if (state->required == REBOOT_REQUIRED_YES)
                return 0;
        state->required = REBOOT_REQUIRED_UNKNOWN;
        return strv_addf(&state->reasons,
                         "kernel %s runs and belongs to no installed package, so it can't be "
                         "compared",
                         running);
}

int host_reboot_state(const struct root *root, const struct node *node,
                      const struct inventory *inventory, struct reboot_state *ret,
                      struct diag *diag)
{
        CLEANUP(reboot_state_done) struct reboot_state state = {.required = REBOOT_REQUIRED_NO};
        int r;

        (void)diag;
        r = check_marks(root, &state);
        if (r >= 0 && root->is_host && node->kernel && !root_is_container(root))
                r = check_kernel(inventory, node->kernel, &state);
        if (r < 0)
                return r;
        *ret = state;
        state = (struct reboot_state){0};
        return 0;
}
