/* SPDX-License-Identifier: Apache-2.0 */

/*
 * usage: plan_dump ROOT FOLDER POLICY...: for each policy (plain JSON) prints one line of JSON with
 * what would be planned and what is approved on this root, and how apt is asked about either, with
 * allow-lists that it leaves in FOLDER. For tests.
 */

#include "base/json.h"
#include "base/str.h"
#include "decide/plan.h"
#include "host/backends/backend.h"
#include "host/files.h"
#include "host/judge.h"
#include "packages/inventory.h"
#include "policy/envelope.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { POLICY_MAX_BYTES = 1 << 20 };

static int write_question(struct json_writer *writer, const char *name, const char *folder,
                          const struct plan_step *step, const char *arch)
{
        CLEANUP(freep) char *path = str_format("%s/%s", folder, name);
        CLEANUP(freep) char *text = NULL;
        const struct backend_files files = {
            .archives = folder, .allow_list = path, .empty_folder = "/nonexistent/"};
        CLEANUP(strv_done) struct strv argv = {0};
        struct diag diag = {0};
        int r = backend_apt.allow_list(step, arch, &text, &diag);

        if (r >= 0)
                r = files_write_atomic(path, text, strlen(text), 0644, &diag);
        if (r >= 0)
                r = backend_apt.argv(BACKEND_SIMULATE, &files, &argv);
        if (r < 0)
                return r;
        json_begin_object(writer, name);
        json_add_strings(writer, "argv", &argv);
        json_begin_array(writer, "items");
        for (size_t i = 0; i < step->n_items; i++) {
                const struct plan_item *item = &step->items[i];

                json_begin_object(writer, NULL);
                json_add_string(writer, "name", item->name);
                json_add_string(writer, "arch", strcmp(item->arch, "all") == 0 ? arch : item->arch);
                json_add_string(writer, "version", item->version_to);
                json_end(writer);
        }
        json_end(writer);
        json_end(writer);
        return 0;
}

static void add_item(struct plan_step *step, const struct decision *decision, const char *version)
{
        step->items[step->n_items++] = (struct plan_item){.name = decision->package->name,
                                                          .arch = decision->package->arch,
                                                          .version_to = (char *)version};
}

static int write_planned(struct json_writer *writer, const char *folder,
                         const struct judgement *judgement, struct plan_step *step)
{
        static const struct plan_request everything = {.all = true};
        CLEANUP(plan_freep) struct plan *plan = NULL;
        int r = plan_build(judgement->decisions, &everything, &plan);

        for (size_t i = 0; r >= 0 && i < plan->n_steps; i++)
                for (size_t j = 0; j < plan->steps[i].n_items; j++)
                        step->items[step->n_items++] = plan->steps[i].items[j];
        return r < 0 ? r
                     : write_question(writer, "planned", folder, step, judgement->inventory->arch);
}

static int write_approved(struct json_writer *writer, const char *folder,
                          const struct judgement *judgement, struct plan_step *step)
{
        const struct decisions *decisions = judgement->decisions;

        for (size_t i = 0; i < decisions->n_items; i++) {
                const struct decision *decision = &decisions->items[i];

                for (size_t j = 0; j < decision->n_verdicts; j++)
                        if (decision->verdicts[j].is_approved) {
                                add_item(step, decision, decision->verdicts[j].available->version);
                                break;
                        }
        }
        return write_question(writer, "approved", folder, step, judgement->inventory->arch);
}

static void write_reasons(struct json_writer *writer, const struct decisions *decisions)
{
        json_begin_object(writer, "reasons");
        for (size_t i = 0; i < decisions->n_items; i++)
                if (decisions->items[i].target)
                        json_add_string(writer, decisions->items[i].package->name,
                                        decisions->items[i].reason);
        json_end(writer);
}

static int dump(const struct root *root, const char *folder, const char *file, struct diag *diag)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(judgement_freep) struct judgement *judgement = NULL;
        CLEANUP(freep) struct plan_item *items = NULL;
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(blob_done) struct blob bytes = {0};
        CLEANUP(freep) char *text = NULL;
        struct zone_loader zones = {0};
        struct judge_options options = {.paths = &default_paths, .root = root, .now = time(NULL)};
        int r = files_read(file, POLICY_MAX_BYTES, false, &bytes, diag);

        if (r >= 0)
                r = envelope_open_plain(&bytes, &zones, &policy, diag);
        options.policy = policy;
        if (r >= 0)
                r = judge_host(&options, &judgement, diag);
        if (r < 0)
                return r;
        items = calloc(judgement->decisions->n_items + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        json_begin_object(writer, NULL);
        r = write_planned(writer, folder, judgement, &(struct plan_step){.items = items});
        if (r >= 0)
                r = write_approved(writer, folder, judgement, &(struct plan_step){.items = items});
        write_reasons(writer, judgement->decisions);
        json_end(writer);
        if (r >= 0)
                r = json_writer_finish(writer, false, &text);
        return r < 0 ? r : puts(text) < 0 ? -EIO : 0;
}

int main(int argc, char **argv)
{
        CLEANUP(root_done) struct root root = {.fd = -EBADF};
        struct diag diag = {0};
        int r = argc > 3 ? root_open(argv[1], &root, &diag) : -EINVAL;

        for (int i = 3; r >= 0 && i < argc; i++) {
                CLEANUP(freep) char *folder = str_format("%s/%d", argv[2], i - 3);

                r = folder && (mkdir(folder, 0755) == 0 || errno == EEXIST) ? 0 : -EIO;
                if (r >= 0)
                        r = dump(&root, folder, argv[i], &diag);
        }
        if (r < 0)
                (void)fprintf(stderr, "plan_dump: %s\n", diag_text(&diag, r));
        return r < 0;
}
