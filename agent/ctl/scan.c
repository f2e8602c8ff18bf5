/* SPDX-License-Identifier: Apache-2.0 */

/* scan and explain: work alone, without a daemon, root or network. */

#include "ctl/report_view.h"
#include "ctl/source.h"

#include <stdio.h>
#include <string.h>

time_t ctl_now(const struct ctl *ctl)
{
        return ctl->at ? ctl->at : time(NULL);
}

int ctl_fail(const struct diag *diag, int error)
{
        (void)fprintf(stderr, "patchctl: %s\n", diag_text(diag, error));
        return EXIT_FAILED;
}

/* The report of a fresh judgement, as text and parsed. */
static int make_report(const struct ctl *ctl, const struct judgement_report_options *options,
                       char **ret_text, struct json **ret_report, struct diag *diag)
{
        CLEANUP(subject_done) struct subject subject = {.root.fd = -EBADF};
        CLEANUP(freep) char *text = NULL;
        int r = subject_judge(ctl, &subject, diag);

        if (r < 0)
                return r;
        r = judgement_report(subject.judgement, options, &text);
        if (r < 0)
                return r;
        r = json_parse(text, strlen(text), ret_report, diag);
        if (r < 0)
                return r;
        *ret_text = TAKE_PTR(text);
        return 0;
}

int verb_scan(const struct ctl *ctl)
{
        struct judgement_report_options options = {.all_packages = ctl->all, .pretty = ctl->json};
        CLEANUP(json_freep) struct json *report = NULL;
        CLEANUP(freep) char *text = NULL;
        struct diag diag = {0};
        int r = make_report(ctl, &options, &text, &report, &diag);

        if (r < 0)
                return ctl_fail(&diag, r);
        if (ctl->json)
                (void)fputs(text, stdout);
        else
                report_view_print(ctl, report, ctl_now(ctl));
        return report_view_exit_code(report);
}

int verb_explain(const struct ctl *ctl)
{
        struct judgement_report_options options = {
            .only_package = ctl->arguments.items[0], .chain = true, .pretty = ctl->json};
        CLEANUP(json_freep) struct json *report = NULL;
        CLEANUP(freep) char *text = NULL;
        const struct json *packages;
        struct diag diag = {0};
        int r = make_report(ctl, &options, &text, &report, &diag);

        if (r < 0)
                return ctl_fail(&diag, r);
        packages = json_get(report, "packages");
        if (json_length(packages) == 0) {
                (void)diag_fail(&diag, -ENOENT,
                                "%s is not installed here, and no approved update needs it",
                                ctl->arguments.items[0]);
                return ctl_fail(&diag, -ENOENT);
        }
        if (ctl->json) {
                (void)fputs(text, stdout);
                return EXIT_DONE;
        }
        for (size_t i = 0; i < json_length(packages); i++)
                report_view_explain(ctl, report, json_at(packages, i), ctl_now(ctl));
        return EXIT_DONE;
}
