/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/scripts/scripts.h"

#include "base/str.h"
#include "host/files.h"
#include "host/spawn.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

enum {
        KILL_AFTER_USEC = 10 * 1000 * 1000,
        PACKAGES_MAX_BYTES = 64 * 1024, /* the kernel takes 128 KiB as one variable */
};

/* ---- which ---- */

/* What editors and package managers leave beside a file. */
static const char *const passed_over[] = {"~",          ".bak",      ".swp",      ".dpkg-old",
                                          ".dpkg-dist", ".dpkg-new", ".dpkg-tmp", ".rpmnew",
                                          ".rpmsave",   ".rpmorig",  ".ucf-old",  ".ucf-dist"};

static bool is_passed_over(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(passed_over); i++)
                if (str_has_suffix(name, passed_over[i]))
                        return true;
        return name[0] == '.';
}

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* The paths to run, in their order. */
static int list_scripts(const char *path, struct strv *ret, struct diag *diag)
{
        CLEANUP(strv_done) struct strv names = {0};
        struct stat st;
        int r;

        if (lstat(path, &st) < 0)
                return errno == ENOENT ? 0
                                       : diag_fail(diag, -errno, "%s: cannot read: %s", path,
                                                   strerrordesc_np(errno));
        if (!S_ISDIR(st.st_mode))
                return strv_add(ret, path);
        r = files_list(path, NULL, 2 * SCRIPTS_MAX, &names, diag);
        for (size_t i = 0; r >= 0 && i < names.n_items; i++)
                if (!is_passed_over(names.items[i]))
                        r = strv_addf(ret, "%s/%s", path, names.items[i]);
        if (r >= 0 && ret->n_items > SCRIPTS_MAX)
                return diag_fail(diag, -EFBIG, "%s: has more than %d programs", path, SCRIPTS_MAX);
        return r;
}

bool scripts_exist(const char *path)
{
        CLEANUP(strv_done) struct strv paths = {0};

        return list_scripts(path, &paths, NULL) < 0 || paths.n_items > 0;
}

/* ---- one ---- */

static int fill_environment(const struct scripts_call *call, struct strv *environment)
{
        const struct {
                const char *name, *value;
        } texts[] = {
            {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
            {"HOME", "/root"},
            {"LC_ALL", "C.UTF-8"},
            {"PATCHD_PHASE", enum_name(&script_phase_names, (int)call->phase)},
            {"PATCHD_RUN_ID", call->run_id},
            {"PATCHD_TRIGGER", call->trigger},
            {"PATCHD_POLICY_ID", call->policy_id},
            {"PATCHD_STEP", call->step},
            {"PATCHD_PACKAGES", call->packages},
            {"PATCHD_RESULT", call->result},
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(texts); i++)
                if (texts[i].value && strlen(texts[i].value) <= PACKAGES_MAX_BYTES)
                        r = strv_addf(environment, "%s=%s", texts[i].name, texts[i].value);
        if (r >= 0 && call->policy_version > 0)
                r = strv_addf(environment, "PATCHD_POLICY_VERSION=%" PRId64, call->policy_version);
        return r;
}

static int take_output(const struct spawn_result *run, struct script_result *result)
{
        CLEANUP(freep)
        char *text = str_format("%s%s", run->output.data ?: "", run->error_output.data ?: "");

        return text ? script_output_clean(text, &result->output) : -ENOMEM;
}

static int spawn_script(const struct scripts_call *call, const char *path,
                        struct script_result *result)
{
        CLEANUP(strv_done) struct strv argv = {0}, environment = {0};
        CLEANUP(spawn_result_done) struct spawn_result run = {0};
        const struct spawn_request request = {.argv = &argv,
                                              .environment = &environment,
                                              .timeout_usec = call->timeout_usec,
                                              .kill_after_usec = KILL_AFTER_USEC,
                                              .output_max_bytes = 4 * SCRIPT_OUTPUT_MAX_BYTES};
        struct diag why = {0};
        int r = strv_add(&argv, path);

        if (r >= 0)
                r = fill_environment(call, &environment);
        if (r >= 0)
                r = spawn_run(&request, &run, &why);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                result->message = strdup(diag_text(&why, r));
                return result->message ? 0 : -ENOMEM;
        }
        result->exit_code = run.exit_code;
        result->timed_out = run.timed_out;
        result->passed = run.exit_code == 0 && run.signal == 0 && !run.timed_out;
        if (!result->passed && !(result->message = spawn_describe(&run)))
                return -ENOMEM;
        return take_output(&run, result);
}

static int run_script(const struct scripts_call *call, const char *path,
                      struct script_results *results, bool *ret_passed)
{
        struct script_result result = {
            .phase = call->phase, .name = strdup(base_name(path)), .exit_code = -1};
        struct diag why = {0};
        int r = result.name ? files_check_program(path, &why) : -ENOMEM;
        bool passed;

        if (r >= 0)
                r = spawn_script(call, path, &result);
        else if (result.name && !(result.message = str_format("not run: %s", diag_text(&why, r))))
                r = -ENOMEM;
        else if (r != -ENOMEM)
                r = 0;
        passed = result.passed;
        if (script_results_add(results, &result) < 0 || r < 0)
                return -ENOMEM;
        *ret_passed = passed;
        return 0;
}

/* ---- all ---- */

/* A folder that can't be read is one failure under its own name. */
static int add_failure(const struct scripts_call *call, const char *message,
                       struct script_results *results)
{
        struct script_result result = {.phase = call->phase,
                                       .name = strdup(base_name(call->path)),
                                       .exit_code = -1,
                                       .message = strdup(message)};
        bool failed = !result.name || !result.message;

        return script_results_add(results, &result) < 0 || failed ? -ENOMEM : 0;
}

int scripts_run(const struct scripts_call *call, struct script_results *results,
                size_t *ret_n_failed)
{
        CLEANUP(strv_done) struct strv paths = {0};
        struct diag why = {0};
        size_t n_failed = 0;
        int r = list_scripts(call->path, &paths, &why);

        if (r < 0 && r != -ENOMEM) {
                *ret_n_failed = 1;
                return add_failure(call, diag_text(&why, r), results);
        }
        for (size_t i = 0; r >= 0 && i < paths.n_items; i++) {
                bool passed = false;

                r = run_script(call, paths.items[i], results, &passed);
                n_failed += r >= 0 && !passed;
                if (n_failed > 0 && call->stop_at_failure)
                        break;
        }
        if (r < 0)
                return r;
        *ret_n_failed = n_failed;
        return 0;
}
