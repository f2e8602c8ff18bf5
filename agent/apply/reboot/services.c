/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/reboot/services.h"

#include "base/str.h"
#include "host/spawn.h"
#include "packages/needrestart.h"

#include <string.h>

#define PROGRAM      "/usr/sbin/needrestart"
#define USEC_PER_SEC 1000000ULL

enum { TIMEOUT_SECONDS = 120, KILL_AFTER_SECONDS = 10, OUTPUT_MAX_BYTES = 256 * 1024 };

/* -b prints for programs and restarts nothing; -r l says so once more. */
static const char *const command[] = {PROGRAM, "-b", "-r", "l"};
static const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                                          "DEBIAN_FRONTEND=noninteractive"};

static int run(struct strv *services, struct diag *diag)
{
        CLEANUP(spawn_result_done) struct spawn_result result = {0};
        CLEANUP(strv_done) struct strv argv = {0}, variables = {0};
        const struct spawn_request request = {.argv = &argv,
                                              .environment = &variables,
                                              .timeout_usec = TIMEOUT_SECONDS * USEC_PER_SEC,
                                              .kill_after_usec = KILL_AFTER_SECONDS * USEC_PER_SEC,
                                              .output_max_bytes = OUTPUT_MAX_BYTES};
        CLEANUP(freep) char *said = NULL;
        int r = strv_add_all(&argv, command, ELEMENTSOF(command));

        if (r >= 0)
                r = strv_add_all(&variables, environment, ELEMENTSOF(environment));
        if (r >= 0)
                r = spawn_run(&request, &result, diag);
        if (r < 0)
                return r;
        if (result.exit_code == 0 && !result.is_cut)
                return needrestart_parse(result.output.data ?: "", result.output.size, services,
                                         diag);
        said = spawn_describe(&result);
        return diag_fail(diag, -EIO, "needrestart: %s",
                         result.is_cut ? "its answer is too long" : said ?: "?");
}

int services_look(struct outcome *outcome)
{
        struct diag why = {0};
        int r = run(&outcome->services_to_restart, &why);

        if (r == -ENOMEM)
                return r;
        outcome->knows_services = r >= 0;
        free(outcome->services_note);
        outcome->services_note = NULL;
        if (r >= 0)
                return 0;
        outcome->services_note =
            r == -ENOENT
                ? strdup("needrestart is not installed, so it is not known which services still "
                         "use files that were replaced")
                : str_format("it is not known which services still use files that were replaced: "
                             "%s",
                             diag_text(&why, r));
        return outcome->services_note ? 0 : -ENOMEM;
}
