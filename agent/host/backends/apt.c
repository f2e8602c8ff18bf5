/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "host/backends/apt_output.h"
#include "host/backends/backend.h"

#include <ctype.h>
#include <string.h>

#define APT_GET "/usr/bin/apt-get"
#define DPKG    "/usr/bin/dpkg"

enum { NAME_MAX_BYTES = 255, VERSION_MAX_BYTES = 255 };

static const char *const environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LC_ALL=C.UTF-8",
    "DEBIAN_FRONTEND=noninteractive",
    "DEBCONF_NONINTERACTIVE_SEEN=true",
    "UCF_FORCE_CONFFOLD=1",
    "APT_LISTCHANGES_FRONTEND=none",
    "APT_LISTBUGS_FRONTEND=none",
    "NEEDRESTART_SUSPEND=1",
    NULL,
};

/* Wait for other package managers instead of failing at once. */
#define LOCK_OPTIONS "-o", "DPkg::Lock::Timeout=300"

static const char *const refresh_argv[] = {
    /* Without Error-Mode a dead repository is only a warning and exit code 0. */
    APT_GET, "-q", LOCK_OPTIONS, "-o", "APT::Update::Error-Mode=any", "update", NULL,
};
static const char *const check_argv[] = {APT_GET, "-q", LOCK_OPTIONS, "check", NULL};
static const char *const repair_argv[] = {
    DPKG, "--force-confdef", "--force-confold", "--configure", "-a", NULL,
};

#define CHANGE_OPTIONS APT_GET, "-q", "-y", LOCK_OPTIONS, "-o", "Dpkg::Use-Pty=0"

/*
 * Of whatever installs. A kernel's Recommends are not on the allow-list, with them it would be kept
 * back; a default release has a pin of its own, 990, that comes before every preference.
 */
#define INSTALL_OPTIONS                                                                            \
        CHANGE_OPTIONS, "-o", "Dpkg::Options::=--force-confdef", "-o",                             \
            "Dpkg::Options::=--force-confold", "-o", "APT::Install-Recommends=false", "-o",        \
            "APT::Default-Release=", "-o", "APT::Get::AllowUnauthenticated=false"

/* Of every action on packages, so that the simulation is of the same call. */
static const char *const upgrade_argv[] = {INSTALL_OPTIONS, NULL};

/* Its configuration might remove more by itself. */
#define REMOVE_OPTIONS                                                                             \
        CHANGE_OPTIONS, "-o", "APT::Get::AutomaticRemove=false", "-o", "APT::Get::Purge=false"

static const char *const simulate_remove_argv[] = {REMOVE_OPTIONS, "--simulate", "remove", NULL};
static const char *const remove_argv[] = {REMOVE_OPTIONS, "remove", NULL};

static const char *const fetch_argv[] = {
    APT_GET, "-q", "-o", "APT::Get::AllowUnauthenticated=false", NULL,
};

/* Of going back: exactly the archives and removals named, so Recommends and pins have no say. */
static const char *const back_argv[] = {
    INSTALL_OPTIONS, "-o", "APT::Get::AutomaticRemove=false", "--allow-downgrades", NULL,
};
static const char *const verify_argv[] = {DPKG, "--verify", NULL};
static const char *const mark_auto_argv[] = {"/usr/bin/apt-mark", "auto", NULL};

static const char *const *const fixed_argvs[N_BACKEND_ACTIONS] = {
    [BACKEND_REFRESH] = refresh_argv,     [BACKEND_CHECK] = check_argv,
    [BACKEND_REPAIR] = repair_argv,       [BACKEND_SIMULATE] = upgrade_argv,
    [BACKEND_DOWNLOAD] = upgrade_argv,    [BACKEND_INSTALL] = upgrade_argv,
    [BACKEND_FETCH] = fetch_argv,         [BACKEND_SIMULATE_REMOVE] = simulate_remove_argv,
    [BACKEND_REMOVE] = remove_argv,       [BACKEND_VERIFY] = verify_argv,
    [BACKEND_SIMULATE_BACK] = back_argv,  [BACKEND_INSTALL_BACK] = back_argv,
    [BACKEND_MARK_AUTO] = mark_auto_argv, [BACKEND_WHY] = upgrade_argv,
};

static const char *const action_options[N_BACKEND_ACTIONS] = {
    [BACKEND_SIMULATE] = "--simulate",        [BACKEND_DOWNLOAD] = "--download-only",
    [BACKEND_INSTALL] = "--no-download",      [BACKEND_SIMULATE_BACK] = "--simulate",
    [BACKEND_INSTALL_BACK] = "--no-download", [BACKEND_WHY] = "--simulate",
};

static int add_upgrade(enum backend_action action, const struct backend_files *files,
                       struct strv *argv)
{
        const struct {
                const char *name, *value;
        } options[] = {
            {"Dir::Etc::Preferences", files->allow_list},
            {"Dir::Etc::PreferencesParts", files->empty_folder},
            {"Dir::Cache::Archives", files->archives},
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(options); i++) {
                r = strv_add(argv, "-o");
                if (r >= 0)
                        r = strv_addf(argv, "%s=%s", options[i].name, options[i].value);
        }
        if (r >= 0)
                r = strv_add(argv, "-o");
        if (r >= 0)
                r = strv_addf(argv, "APT::Status-Fd=%d", BACKEND_STATUS_FD);
        if (r >= 0)
                r = strv_add(argv, action_options[action]);
        if (r >= 0 && fixed_argvs[action] == back_argv)
                return strv_add(argv, "install");
        if (r >= 0 && action == BACKEND_WHY)
                r = strv_add(argv, "install");
        else if (r >= 0)
                r = strv_add(argv, "--with-new-pkgs");
        return r < 0 || action == BACKEND_WHY ? r : strv_add(argv, "upgrade");
}

/* ---- names and versions ---- */

static bool has_only(const char *text, const char *others, size_t max)
{
        for (const char *p = text; *p; p++)
                if (!isascii((unsigned char)*p) ||
                    (!isalnum((unsigned char)*p) && !strchr(others, *p)))
                        return false;
        return isascii((unsigned char)text[0]) && isalnum((unsigned char)text[0]) &&
               strlen(text) <= max;
}

/* Whether apt can't take it for a pattern, an option or another package. */
static bool is_plain_item(const struct plan_item *item, const char *arch)
{
        return has_only(item->name, "+-.", NAME_MAX_BYTES) &&
               has_only(item->version_to, "+-.:~", VERSION_MAX_BYTES) &&
               has_only(arch, "-", NAME_MAX_BYTES);
}

/* apt keeps packages for every architecture under the native one. */
static const char *apt_arch(const struct plan_item *item, const char *native_arch)
{
        return strcmp(item->arch, "all") == 0 ? native_arch : item->arch;
}

static int add_fetch(const struct backend_files *files, struct strv *argv)
{
        const struct plan_step *step = files->fetch;
        int r = strv_add(argv, "-o");

        if (r >= 0)
                r = strv_addf(argv, "APT::Status-Fd=%d", BACKEND_STATUS_FD);
        if (r >= 0)
                r = strv_add(argv, "download");
        for (size_t i = 0; r >= 0 && i < step->n_items; i++) {
                const struct plan_item *item = &step->items[i];
                const char *arch = apt_arch(item, files->native_arch);

                if (is_plain_item(item, arch))
                        r = strv_addf(argv, "%s:%s=%s", item->name, arch, item->version_to);
        }
        return r;
}

static int apt_argv(enum backend_action action, const struct backend_files *files, struct strv *ret)
{
        const char *const *fixed = fixed_argvs[action];
        CLEANUP(strv_done) struct strv argv = {0};
        int r = 0;

        for (size_t i = 0; r >= 0 && fixed[i]; i++)
                r = strv_add(&argv, fixed[i]);
        if (r >= 0 && action_options[action])
                r = add_upgrade(action, files, &argv);
        if (r >= 0 && action == BACKEND_FETCH)
                r = add_fetch(files, &argv);
        if (r >= 0 && files && files->words)
                r = strv_add_all(&argv, (const char *const *)files->words->items,
                                 files->words->n_items);
        if (r < 0)
                return r;
        *ret = argv;
        argv = (struct strv){0};
        return 0;
}

/* ---- the allow-list ---- */

/* The first stanza keeps what is installed, else the second would hide it too. */
static const char allow_list_head[] = "Package: *\nPin: release a=now\nPin-Priority: 100\n\n"
                                      "Package: *\nPin: release *\nPin-Priority: -1\n";

static int apt_allow_list(const struct plan_step *step, const char *native_arch, char **ret,
                          struct diag *diag)
{
        CLEANUP(str_done) struct str text = {0};

        str_append(&text, allow_list_head);
        for (size_t i = 0; i < step->n_items; i++) {
                const struct plan_item *item = &step->items[i];
                const char *arch = apt_arch(item, native_arch);

                if (!is_plain_item(item, arch))
                        return diag_fail(diag, -EINVAL,
                                         "%s %s %s: not a package name, version and architecture",
                                         item->name, item->version_to, arch);
                /* 990 is below 1000, so a pin can never downgrade. */
                str_appendf(&text, "\nPackage: %s:%s\nPin: version %s\nPin-Priority: 990\n",
                            item->name, arch, item->version_to);
        }
        return str_take(&text, ret);
}

/* ---- words ---- */

static int apt_word(enum backend_word kind, const char *name, const char *arch, char **ret,
                    struct diag *diag)
{
        if (!has_only(name, "+-.", NAME_MAX_BYTES) || !has_only(arch, "-", NAME_MAX_BYTES))
                return diag_fail(diag, -EINVAL, "%s %s: not a package name and architecture", name,
                                 arch);
        *ret = str_format("%s:%s%s", name, arch, kind == WORD_REMOVAL ? "-" : "");
        return *ret ? 0 : -ENOMEM;
}

/* ---- names of archives ---- */

/* As apt's QuoteString(). */
static void append_quoted(struct str *name, const char *text, const char *bad)
{
        for (const char *p = text; *p; p++) {
                unsigned char c = (unsigned char)*p;

                if (c <= 0x20 || c >= 0x7f || c == '%' || strchr(bad, c))
                        str_appendf(name, "%%%02x", c);
                else
                        str_append_char(name, *p);
        }
}

static char *apt_archive_name(const char *name, const char *version, const char *arch)
{
        CLEANUP(str_done) struct str text = {0};
        char *result = NULL;

        append_quoted(&text, name, "_:");
        str_append_char(&text, '_');
        append_quoted(&text, version, "_:");
        str_append_char(&text, '_');
        append_quoted(&text, arch, "_:.");
        str_append(&text, ".deb");
        return str_take(&text, &result) < 0 ? NULL : result;
}

static char *apt_wanted_name(const char *name, const char *version, const char *arch)
{
        return strcmp(arch, "all") == 0 ? str_format("%s=%s", name, version)
                                        : str_format("%s:%s=%s", name, arch, version);
}

const struct backend backend_apt = {
    .name = "apt",
    .format = FORMAT_DEB,
    .environment = environment,
    .argv = apt_argv,
    .allow_list = apt_allow_list,
    .parse_simulation = apt_parse_simulation,
    .wanted_name = apt_wanted_name,
    .parse_why = apt_parse_why,
    .parse_lock = apt_parse_lock,
    .parse_cause = apt_parse_cause,
    .parse_status = apt_parse_status,
    .parse_refresh = apt_parse_refresh,
    .archive_name = apt_archive_name,
    .archive_suffix = ".deb",
    .word = apt_word,
    .parse_verify = apt_parse_verify,
    .own_archives = "/var/cache/apt/archives/",
    .script_runner = "dpkg",
    .script_name = apt_script_name,
};
