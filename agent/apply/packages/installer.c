/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/packages/installer.h"

#include "apply/state.h"
#include "base/str.h"
#include "host/files.h"
#include "host/log.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

#define USEC_PER_SEC    ((uint64_t)1000 * 1000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)

enum {
        OUTPUT_MAX_BYTES = 8 * 1024 * 1024,
        NOTES_MAX = 1000,
        SCRIPT_TIMEOUT_SECONDS = 1800,
        PERCENT_PARTS = 100
};

/* No deadline where dpkg works: a package manager that is cut leaves a broken host. What can hang
 * there are the scripts of packages, and these are watched. */
static const uint64_t deadlines_usec[N_BACKEND_ACTIONS] = {
    [BACKEND_REFRESH] = 10 * USEC_PER_MINUTE,   [BACKEND_CHECK] = 15 * USEC_PER_MINUTE,
    [BACKEND_SIMULATE] = 15 * USEC_PER_MINUTE,  [BACKEND_DOWNLOAD] = 120 * USEC_PER_MINUTE,
    [BACKEND_FETCH] = 60 * USEC_PER_MINUTE,     [BACKEND_SIMULATE_REMOVE] = 15 * USEC_PER_MINUTE,
    [BACKEND_VERIFY] = 15 * USEC_PER_MINUTE,    [BACKEND_SIMULATE_BACK] = 15 * USEC_PER_MINUTE,
    [BACKEND_MARK_AUTO] = 15 * USEC_PER_MINUTE, [BACKEND_WHY] = 15 * USEC_PER_MINUTE,
};

static const char *const proxy_variables[] = {"http_proxy",  "https_proxy", "ftp_proxy", "no_proxy",
                                              "HTTPS_PROXY", "NO_PROXY",    "all_proxy"};

void installer_done(struct installer *installer)
{
        free(installer->archives);
        free(installer->allow_list);
        free(installer->empty_folder);
        free(installer->working_on);
        script_watch_done(&installer->scripts);
        strv_done(&installer->environment);
        strv_done(&installer->notes);
        *installer = (struct installer){0};
}

static int fill_environment(const struct backend *backend, struct strv *environment)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && backend->environment[i]; i++)
                r = strv_add(environment, backend->environment[i]);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(proxy_variables); i++) {
                const char *value = getenv(proxy_variables[i]);

                if (value)
                        r = strv_addf(environment, "%s=%s", proxy_variables[i], value);
        }
        return r;
}

/* A configuration that can't be read must not keep a broken host from being repaired. */
static uint64_t script_timeout_usec(const struct service *service)
{
        CLEANUP(config_freep) struct config *config = NULL;
        int r = config_load(service->paths, &config, NULL);

        return (r < 0 ? SCRIPT_TIMEOUT_SECONDS : (uint64_t)config->script_timeout_seconds) *
               USEC_PER_SEC;
}

int installer_init(struct service *service, const struct backend *backend, struct installer *ret,
                   struct diag *diag)
{
        CLEANUP(installer_done)
        struct installer installer = {.backend = backend, .service = service};

        if (!backend)
                return diag_fail(diag, -ENOTSUP,
                                 "this build of patchd can't use the package manager of this host");
        installer.archives = state_path(service->paths, "archives/");
        installer.allow_list = state_path(service->paths, "work/allow-list");
        installer.empty_folder = state_path(service->paths, "work/empty");
        if (!installer.archives || !installer.allow_list || !installer.empty_folder ||
            fill_environment(backend, &installer.environment) < 0)
                return -ENOMEM;
        script_watch_init(&installer.scripts, "/proc", backend, script_timeout_usec(service));
        *ret = installer;
        installer = (struct installer){0};
        return 0;
}

bool installer_succeeded(const struct spawn_result *result)
{
        return result->exit_code == 0 && result->signal == 0 && !result->timed_out;
}

char *installer_lock_holder(const struct installer *installer, const struct spawn_result *result)
{
        const struct backend *backend = installer->backend;
        CLEANUP(freep)
        char *holder = backend->parse_lock ? backend->parse_lock(result->output.data ?: "",
                                                                 result->error_output.data ?: "")
                                           : NULL;

        return holder ? str_format("%s, after waiting for %" PRIu64
                                   " s too; let it finish, or end it if it hangs",
                                   holder, result->elapsed_usec / USEC_PER_SEC)
                      : NULL;
}

char *installer_describe(const struct installer *installer, const struct spawn_result *result)
{
        char *holder = installer_lock_holder(installer, result);
        CLEANUP(freep) char *cause = NULL, *text = NULL;

        if (holder)
                return holder;
        if (installer->backend->parse_cause)
                cause = installer->backend->parse_cause(result->error_output.data ?: "");
        text = spawn_describe(result);
        return cause && text ? str_format("%s; %s", cause, text) : TAKE_PTR(text);
}

/* ---- progress ---- */

static int add_note(struct installer *installer, const char *package, const char *text)
{
        int r;

        if (installer->notes.n_items >= NOTES_MAX)
                return 0;
        r = strv_add(&installer->notes, package);
        return r < 0 ? r : strv_add(&installer->notes, text);
}

/* dpkg names the file; the package is the one it was working on. */
static int note_conffile(struct installer *installer, const char *path)
{
        CLEANUP(freep)
        char *text =
            str_format("%s: changed here and in the new version; the local file was kept", path);

        if (!text)
                return -ENOMEM;
        return installer->working_on ? add_note(installer, installer->working_on, text) : 0;
}

/* A fetch that was not planned as one is no part of the run's percent. */
static void tell_download(const struct installer *installer, const struct backend_status *status)
{
        struct progress work = progress_of("downloading", status->text);

        if (installer->downloading)
                installer_tell_download(installer);
        else
                service_tell(installer->service, &work, 0, 1);
}

/* "libc6:amd64", but also "dpkg-exec", which is no package. */
static int note_work(struct installer *installer, const struct backend_status *status)
{
        CLEANUP(freep) char *package = strndup(status->name, strcspn(status->name, ":"));
        struct progress work = progress_of("", status->text);

        free(installer->working_on);
        installer->working_on = strdup(status->name);
        if (!installer->working_on || !package)
                return -ENOMEM;
        if (strncmp(package, "dpkg-exec", strlen("dpkg-exec")) != 0)
                work.package = package;
        service_tell(installer->service, &work, (int64_t)(status->percent * PERCENT_PARTS),
                     100 * PERCENT_PARTS);
        return 0;
}

void installer_tell_download(const struct installer *installer)
{
        const struct downloading *downloading = installer->downloading;
        struct progress work = progress_of("downloading", "fetching the approved packages");

        if (downloading->bytes_total == 0)
                return;
        work.bytes_total = downloading->bytes_total;
        work.bytes_done = downloading_look(downloading, &work.package);
        service_tell(installer->service, &work, work.bytes_done, work.bytes_total);
}

static int on_status(const char *line, void *context)
{
        CLEANUP(freep) char *copy = strdup(line);
        struct installer *installer = context;
        struct backend_status status;

        if (!copy)
                return -ENOMEM;
        if (!installer->backend->parse_status(copy, &status))
                return 0;
        if (status.kind == STATUS_CONFFILE)
                return note_conffile(installer, status.name);
        if (status.kind == STATUS_ERROR)
                return add_note(installer, status.name, status.text);
        if (status.kind == STATUS_DOWNLOAD) {
                tell_download(installer, &status);
                return 0;
        }
        return note_work(installer, &status);
}

/* ---- scripts that hang ---- */

static void on_hang(const char *name, uint64_t age_usec, void *context)
{
        struct installer *installer = context;
        const char *dot = strrchr(name, '.');
        CLEANUP(freep) char *package = dot ? strndup(name, (size_t)(dot - name)) : NULL;
        const char *of = package ?: installer->working_on ?: "?";
        CLEANUP(freep)
        char *text = str_format("its %s hung and was ended after %" PRIu64
                                " s: find out what it waits for, or raise script_timeout_seconds",
                                dot ? dot + 1 : name, age_usec / USEC_PER_SEC);

        if (!text)
                return;
        log_line(LOG_LEVEL_WARNING, "%s: %s", of, text);
        (void)add_note(installer, of, text); /* ended it is, told or not */
}

static uint64_t on_tick(pid_t pid, void *context)
{
        struct installer *installer = context;

        installer->scripts.on_hang = on_hang;
        installer->scripts.context = installer;
        return script_watch_look(&installer->scripts, pid);
}

char *installer_note(const struct installer *installer, const char *package)
{
        CLEANUP(str_done) struct str text = {0};
        char *result = NULL;

        for (size_t i = 0; i + 1 < installer->notes.n_items; i += 2) {
                if (strcmp(installer->notes.items[i], package) != 0)
                        continue;
                if (text.length > 0)
                        str_append(&text, "; ");
                str_append(&text, installer->notes.items[i + 1]);
        }
        return text.length == 0 || str_take(&text, &result) < 0 ? NULL : result;
}

/* ---- calls ---- */

int installer_allow(struct installer *installer, const struct plan_step *step,
                    const char *native_arch, struct diag *diag)
{
        CLEANUP(freep) char *text = NULL;
        int r = installer->backend->allow_list(step, native_arch, &text, diag);

        if (r < 0)
                return r;
        return files_write_atomic(installer->allow_list, text, strlen(text), 0600, diag);
}

static int run(struct installer *installer, enum backend_action action,
               const struct backend_files *files, const char *folder, struct spawn_result *ret,
               struct diag *diag)
{
        CLEANUP(strv_done) struct strv argv = {0};
        struct spawn_request request = {.argv = &argv,
                                        .environment = &installer->environment,
                                        .working_directory = folder,
                                        .timeout_usec = deadlines_usec[action],
                                        .kill_after_usec = USEC_PER_MINUTE,
                                        .output_max_bytes = OUTPUT_MAX_BYTES,
                                        .status_fd_number = BACKEND_STATUS_FD,
                                        .on_status = on_status,
                                        .context = installer};
        int r = installer->backend->argv(action, files, &argv);

        if (request.timeout_usec == 0 && installer->backend->script_runner)
                request.on_tick = on_tick;
        if (r >= 0)
                r = spawn_run(&request, ret, diag);
        script_watch_finish(&installer->scripts);
        return r;
}

int installer_run_words(struct installer *installer, enum backend_action action,
                        const struct strv *words, struct spawn_result *ret, struct diag *diag)
{
        const struct backend_files files = {.archives = installer->archives,
                                            .allow_list = installer->allow_list,
                                            .empty_folder = installer->empty_folder,
                                            .words = words};

        return run(installer, action, &files, NULL, ret, diag);
}

int installer_run(struct installer *installer, enum backend_action action, struct spawn_result *ret,
                  struct diag *diag)
{
        return installer_run_words(installer, action, NULL, ret, diag);
}

int installer_fetch(struct installer *installer, const struct plan_step *step,
                    const char *native_arch, struct spawn_result *ret, struct diag *diag)
{
        CLEANUP(freep) char *partial = str_format("%spartial", installer->archives);
        const struct backend_files files = {.fetch = step, .native_arch = native_arch};

        return partial ? run(installer, BACKEND_FETCH, &files, partial, ret, diag) : -ENOMEM;
}

int installer_repair(struct installer *installer, struct diag *diag)
{
        static const enum backend_action actions[] = {BACKEND_CHECK, BACKEND_REPAIR};
        int r = 0;

        /* The check is there to wait for the lock: an orphan of the run may still be at work. */
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(actions); i++) {
                CLEANUP(spawn_result_done) struct spawn_result result = {0};

                r = installer_run(installer, actions[i], &result, diag);
        }
        return r;
}
