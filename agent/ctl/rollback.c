/* SPDX-License-Identifier: Apache-2.0 */

/* rollback and veto: bringing versions back, and which ones this node does not take again. */

#include "base/str.h"
#include "ctl/change.h"
#include "ctl/detach.h"
#include "ctl/print.h"

#include <stdio.h>
#include <string.h>

/* ---- rollback ---- */

/* digest NULL: only the plan. The caller frees. */
static char *make_parameters(const char *run, const char *digest)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        char *text = NULL;

        json_begin_object(writer, NULL);
        if (run)
                json_add_string(writer, "run_id", run);
        if (digest)
                json_add_string(writer, "digest", digest);
        else
                json_add_bool(writer, "plan_only", true);
        json_end(writer);
        return json_writer_finish(writer, false, &text) < 0 ? NULL : text;
}

static int ask(const struct ctl *ctl, const char *run, const char *digest, struct json **ret)
{
        CLEANUP(freep) char *parameters = make_parameters(run, digest);
        CLEANUP(freep) char *error = NULL;
        struct diag diag = {0};
        int r = parameters ? change_ask(ctl, "org.patchd.apply.Rollback", parameters,
                                        digest ? CHANGE_RUN : CHANGE_LOOK, ret, &error, &diag)
                           : -ENOMEM;

        if (r < 0 && r != -EINTR)
                (void)ctl_fail(&diag, r);
        return r;
}

static void print_plan(const struct ctl *ctl, const struct json *plan)
{
        CLEANUP(table_done) struct table table = {.n_columns = 4};
        const struct json *packages = json_get(plan, "packages");

        printf("rolling back run %s:\n", json_get_string(plan, "run_id"));
        table_add(&table, TONE_BOLD, (const char *[]){"PACKAGE", "NOW", "BACK TO", "KEPT"});
        for (size_t i = 0; i < json_length(packages); i++) {
                const struct json *package = json_at(packages, i);

                table_add(&table, TONE_PLAIN,
                          (const char *[]){json_get_string(package, "name"),
                                           json_get_string(package, "version_now"),
                                           json_get_string(package, "version_back") ?: "(removed)",
                                           json_get_string(package, "kept")});
        }
        table_print(&table, ctl->colour);
        for (size_t i = 0; i < json_length(packages); i++) {
                const struct json *notes = json_get(json_at(packages, i), "notes");

                for (size_t j = 0; j < json_length(notes); j++)
                        printf("  %s: %s\n", json_get_string(json_at(packages, i), "name"),
                               json_string(json_at(notes, j)));
        }
}

/* Only the word yes is one. */
static bool confirm(void)
{
        char answer[16] = "";

        printf("Go on? [y/N] ");
        (void)fflush(stdout);
        if (!fgets(answer, sizeof(answer), stdin))
                return false;
        answer[strcspn(answer, "\n")] = '\0';
        return strcmp(answer, "y") == 0 || strcmp(answer, "yes") == 0;
}

int verb_rollback(const struct ctl *ctl)
{
        const char *run = ctl->arguments.n_items > 0 ? ctl->arguments.items[0] : NULL;
        CLEANUP(json_freep) struct json *planned = NULL;
        CLEANUP(json_freep) struct json *reply = NULL;
        const struct json *plan;
        int r;

        if (ask(ctl, run, NULL, &planned) < 0)
                return EXIT_FAILED;
        if (ctl->json && !ctl->yes)
                return change_print_reply(planned);
        plan = json_get(planned, "plan");
        if (!ctl->json)
                print_plan(ctl, plan);
        if (!ctl->yes && !isatty(STDIN_FILENO)) {
                (void)fprintf(stderr, "patchctl: nothing was done; give --yes to do this\n");
                return EXIT_USAGE;
        }
        if (!ctl->yes && !confirm()) {
                (void)fprintf(stderr, "patchctl: nothing was done\n");
                return EXIT_FAILED;
        }
        r = ask(ctl, json_get_string(plan, "run_id"), json_get_string(plan, "digest"), &reply);
        if (r == -EINTR)
                return detach_say();
        if (r < 0)
                return EXIT_FAILED;
        if (ctl->json)
                (void)change_print_reply(reply);
        return change_print_outcome(ctl, json_get(reply, "outcome"));
}

/* ---- veto ---- */

int verb_veto_list(const struct ctl *ctl)
{
        CLEANUP(table_done) struct table table = {.n_columns = 3};
        CLEANUP(json_freep) struct json *reply = NULL;
        CLEANUP(freep) char *error = NULL;
        const struct json *vetoes;
        struct diag diag = {0};
        int r =
            change_ask(ctl, "org.patchd.apply.GetState", NULL, CHANGE_SHORT, &reply, &error, &diag);

        if (r < 0)
                return ctl_fail(&diag, r);
        vetoes = json_get(json_get(reply, "state"), "vetoes");
        if (ctl->json)
                return change_print_reply(vetoes);
        if (json_length(vetoes) == 0) {
                printf("no version is vetoed\n");
                return EXIT_DONE;
        }
        table_add(&table, TONE_BOLD, (const char *[]){"PACKAGE", "VERSION", "REASON"});
        for (size_t i = 0; i < json_length(vetoes); i++) {
                const struct json *veto = json_at(vetoes, i);

                table_add(&table, TONE_WARN,
                          (const char *[]){json_get_string(veto, "name"),
                                           json_get_string(veto, "version"),
                                           json_get_string(veto, "reason")});
        }
        table_print(&table, ctl->colour);
        return EXIT_DONE;
}

int verb_veto_clear(const struct ctl *ctl)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(json_freep) struct json *reply = NULL;
        CLEANUP(freep) char *parameters = NULL, *error = NULL;
        struct diag diag = {0};
        int r;

        json_begin_object(writer, NULL);
        json_add_string(writer, "package", ctl->arguments.items[0]);
        json_end(writer);
        r = json_writer_finish(writer, false, &parameters);
        if (r >= 0)
                r = change_ask(ctl, "org.patchd.apply.ClearVeto", parameters, CHANGE_SHORT, &reply,
                               &error, &diag);
        if (r < 0)
                return ctl_fail(&diag, r);
        if (ctl->json)
                return change_print_reply(reply);
        printf("the veto of %s is cleared\n", ctl->arguments.items[0]);
        return EXIT_DONE;
}
