/* SPDX-License-Identifier: Apache-2.0 */

/* scan and explain: work alone, without a daemon, root or network. */

#include "ctl/explain_view.h"
#include "ctl/near.h"
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

/* The report of a judgement, as text and parsed. */
static int make_report(const struct subject *subject,
                       const struct judgement_report_options *options, char **ret_text,
                       struct json **ret_report, struct diag *diag)
{
        CLEANUP(freep) char *text = NULL;
        int r = judgement_report(subject->judgement, options, &text);

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
        CLEANUP(subject_done) struct subject subject = {.root.fd = -EBADF};
        CLEANUP(json_freep) struct json *report = NULL;
        CLEANUP(freep) char *text = NULL;
        struct diag diag = {0};
        int r = subject_judge(ctl, NULL, &subject, &diag);

        if (r >= 0)
                r = make_report(&subject, &options, &text, &report, &diag);
        if (r < 0)
                return ctl_fail(&diag, r);
        if (ctl->json)
                (void)fputs(text, stdout);
        else
                report_view_print(ctl, report, ctl_now(ctl));
        return report_view_exit_code(report);
}

/* ---- explain ---- */

enum { NAME_SHOWN_MAX_BYTES = 100 };

/* "openssl" or "openssl:amd64". */
struct asked {
        char *name;
        const char *arch; /* inside name; NULL: all */
};

static void asked_done(struct asked *asked)
{
        free(asked->name);
}

static int parse_asked(const char *text, struct asked *ret)
{
        char *colon;

        ret->name = strdup(text);
        if (!ret->name)
                return -ENOMEM;
        colon = strchr(ret->name, ':');
        if (colon) {
                *colon = '\0';
                ret->arch = colon + 1;
        }
        return 0;
}

static int fail_unknown(const struct inventory *inventory, const struct asked *asked,
                        struct diag *diag)
{
        const struct package *other = inventory_find(inventory, asked->name, NULL);
        CLEANUP(strv_done) struct strv near = {0};
        CLEANUP(freep) char *names = NULL;

        if (other && asked->arch)
                return diag_fail(diag, -ENOENT, "%s is here as %s:%s, not for %s", asked->name,
                                 asked->name, other->arch, asked->arch);
        if (near_names(inventory, asked->name, &near) < 0 || strv_join(&near, ", ", &names) < 0)
                return -ENOMEM;
        return diag_fail(
            diag, -ENOENT, "%.*s is not installed here, and no configured source offers it%s%s",
            NAME_SHOWN_MAX_BYTES, asked->name, near.n_items > 0 ? "; did you mean " : "", names);
}

static int explain(const struct ctl *ctl, char **ret_text, struct json **ret_report,
                   struct diag *diag)
{
        CLEANUP(subject_done) struct subject subject = {.root.fd = -EBADF};
        CLEANUP(json_freep) struct json *report = NULL;
        struct asked asked CLEANUP(asked_done) = {0};
        struct judgement_report_options options = {.chain = true, .pretty = ctl->json};
        int r = parse_asked(ctl->arguments.items[0], &asked);

        if (r >= 0)
                r = subject_judge(ctl, asked.name, &subject, diag);
        if (r < 0)
                return r;
        options.only_package = asked.name;
        options.only_arch = asked.arch;
        r = make_report(&subject, &options, ret_text, &report, diag);
        if (r < 0)
                return r;
        if (json_length(json_get(report, "packages")) == 0)
                return fail_unknown(subject.judgement->inventory, &asked, diag);
        *ret_report = TAKE_PTR(report);
        return 0;
}

int verb_explain(const struct ctl *ctl)
{
        CLEANUP(json_freep) struct json *report = NULL;
        CLEANUP(freep) char *text = NULL;
        struct diag diag = {0};
        int r = explain(ctl, &text, &report, &diag);

        if (r < 0)
                return ctl_fail(&diag, r);
        if (ctl->json)
                (void)fputs(text, stdout);
        else
                explain_view_print(ctl, report, ctl_now(ctl));
        return EXIT_DONE;
}
