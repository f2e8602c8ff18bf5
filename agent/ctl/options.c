/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/options.h"

#include "base/str.h"
#include "base/timetext.h"
#include "host/paths.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { NEXT_DEFAULT = 5, NEXT_MAX = 1000, DAYS_DEFAULT = 14, DAYS_MAX = 3650 };

struct option_row {
        const char *name;
        char letter;
        unsigned bit;
        const char *argument; /* its name in the usage; NULL: takes none */
        const char *summary;
        int (*set)(struct ctl *ctl, const struct option_row *row, const char *value,
                   struct diag *diag);
        size_t offset; /* of a flag or text in struct ctl */
};

/* ---- setters ---- */

static int set_flag(struct ctl *ctl, const struct option_row *row, const char *value,
                    struct diag *diag)
{
        (void)value, (void)diag;
        *(bool *)((char *)ctl + row->offset) = true;
        return 0;
}

static int set_text(struct ctl *ctl, const struct option_row *row, const char *value,
                    struct diag *diag)
{
        (void)diag;
        *(const char **)((char *)ctl + row->offset) = value;
        return 0;
}

static int set_key(struct ctl *ctl, const struct option_row *row, const char *value,
                   struct diag *diag)
{
        (void)row, (void)diag;
        return strv_add(&ctl->keys, value);
}

static int set_tag(struct ctl *ctl, const struct option_row *row, const char *value,
                   struct diag *diag)
{
        (void)row;
        if (!strchr(value, '=') || value[0] == '=')
                return diag_fail(diag, -EINVAL, "--tag: '%s' is not KEY=VALUE", value);
        return strv_add(&ctl->tags, value);
}

static int set_at(struct ctl *ctl, const struct option_row *row, const char *value,
                  struct diag *diag)
{
        (void)row;
        if (time_from_text(value, &ctl->at) < 0)
                return diag_fail(diag, -EINVAL,
                                 "--at: '%s' is not a time like 2026-11-28T01:00:00Z or 2026-11-28",
                                 value);
        return 0;
}

static int set_expires(struct ctl *ctl, const struct option_row *row, const char *value,
                       struct diag *diag)
{
        (void)row;
        if (time_from_text(value, &ctl->expires) < 0)
                return diag_fail(
                    diag, -EINVAL,
                    "--expires: '%s' is not a time like 2026-11-28T01:00:00Z or 2026-11-28", value);
        return 0;
}

static int set_days(struct ctl *ctl, const struct option_row *row, const char *value,
                    struct diag *diag)
{
        unsigned long long days;

        (void)row;
        if (str_to_uint64(value, DAYS_MAX, &days) < 0 || days == 0)
                return diag_fail(diag, -EINVAL, "--days: '%s' is not a number from 1 to %d", value,
                                 DAYS_MAX);
        ctl->days = (int64_t)days;
        return 0;
}

static int set_until(struct ctl *ctl, const struct option_row *row, const char *value,
                     struct diag *diag)
{
        time_t until;

        (void)row;
        if (time_from_text(value, &until) < 0)
                return diag_fail(
                    diag, -EINVAL,
                    "--until: '%s' is not a time like 2026-11-28T01:00:00Z or 2026-11-28", value);
        ctl->until_text = value;
        return 0;
}

static int set_next(struct ctl *ctl, const struct option_row *row, const char *value,
                    struct diag *diag)
{
        unsigned long long next;

        (void)row;
        if (str_to_uint64(value, NEXT_MAX, &next) < 0 || next == 0)
                return diag_fail(diag, -EINVAL, "--next: '%s' is not a number from 1 to %d", value,
                                 NEXT_MAX);
        ctl->next = (int64_t)next;
        return 0;
}

static int set_prefix(struct ctl *ctl, const struct option_row *row, const char *value,
                      struct diag *diag)
{
        (void)row, (void)diag;
        paths_free(ctl->paths);
        ctl->paths = NULL;
        return paths_new(value, &ctl->paths);
}

static const struct option_row rows[] = {
    {"json", 0, OPTION_JSON, NULL, "print JSON, for programs", set_flag,
     offsetof(struct ctl, json)},
    {"policy", 0, OPTION_POLICY, "FILE", "judge by this policy (plain JSON or an envelope)",
     set_text, offsetof(struct ctl, policy_file)},
    {"root", 0, OPTION_ROOT, "DIR", "judge the system below DIR instead of this host", set_text,
     offsetof(struct ctl, root)},
    {"at", 0, OPTION_AT, "TIME", "judge as of this time: what will be approved then?", set_at, 0},
    {"tag", 0, OPTION_TAG, "K=V", "give the node this tag (repeatable)", set_tag, 0},
    {"all", 0, OPTION_ALL, NULL, "list every package, not only those with something to say",
     set_flag, offsetof(struct ctl, all)},
    {"next", 0, OPTION_NEXT, "N", "how many to list (5)", set_next, 0},
    {"now", 0, OPTION_NOW, NULL, "do not wait for the window; approval still rules", set_flag,
     offsetof(struct ctl, now)},
    {"download-only", 0, OPTION_DOWNLOAD_ONLY, NULL, "fetch and verify, install nothing", set_flag,
     offsetof(struct ctl, download_only)},
    {"yes", 0, OPTION_YES, NULL, "do not ask for confirmation", set_flag,
     offsetof(struct ctl, yes)},
    {"until", 0, OPTION_UNTIL, "TIME", "pause only until this time", set_until, 0},
    {"key", 0, OPTION_KEY, "PEM", "the key file (repeatable for verify)", set_key, 0},
    {"os", 0, OPTION_FEED, "ID:VERSION", "the release a feed is for, as debian:12 (this host's)",
     set_text, offsetof(struct ctl, os)},
    {"id", 0, OPTION_MANIFEST, "ID", "the feed's id in policies", set_text,
     offsetof(struct ctl, feed_id)},
    {"url", 0, OPTION_MANIFEST, "URL", "where the file will be (beside its manifest)", set_text,
     offsetof(struct ctl, url)},
    {"expires", 0, OPTION_MANIFEST, "TIME", "until when nodes may use it", set_expires, 0},
    {"days", 0, OPTION_MANIFEST, "N", "the same in days from now (14)", set_days, 0},
    {"output", 'o', OPTION_OUTPUT, "FILE", "write to FILE", set_text, offsetof(struct ctl, output)},
    {"help", 'h', OPTION_ANYWHERE, NULL, "show this help", set_flag, offsetof(struct ctl, help)},
    {"version", 0, OPTION_ANYWHERE, NULL, "show the version", set_flag,
     offsetof(struct ctl, version)},
    {"prefix", 0, OPTION_ANYWHERE, "DIR", "use the state and sockets below DIR (for tests)",
     set_prefix, 0},
};

/* ---- parsing ---- */

static void fill_getopt(struct option *longs, char *shorts)
{
        *shorts++ = ':';
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                longs[i] =
                    (struct option){.name = rows[i].name,
                                    .has_arg = rows[i].argument ? required_argument : no_argument,
                                    .val = (int)i + 256};
                if (!rows[i].letter)
                        continue;
                *shorts++ = rows[i].letter;
                if (rows[i].argument)
                        *shorts++ = ':';
        }
        longs[ELEMENTSOF(rows)] = (struct option){0};
        *shorts = '\0';
}

static const struct option_row *find_row(int value)
{
        if (value >= 256 && (size_t)value - 256 < ELEMENTSOF(rows))
                return &rows[value - 256];
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].letter && rows[i].letter == value)
                        return &rows[i];
        return NULL;
}

static int parse_options(int argc, char **argv, struct ctl *ctl, unsigned *ret_seen,
                         struct diag *diag)
{
        struct option longs[ELEMENTSOF(rows) + 1];
        char shorts[2 * ELEMENTSOF(rows) + 2];
        int value;

        fill_getopt(longs, shorts);
        opterr = 0;
        while ((value = getopt_long(argc, argv, shorts, longs, NULL)) >= 0) {
                const struct option_row *row = find_row(value);
                int r;

                if (!row)
                        return diag_fail(diag, -EINVAL, "%s '%s'; see 'patchctl --help'",
                                         value == ':' ? "an argument is missing after"
                                                      : "no such option:",
                                         argv[optind - 1]);
                *ret_seen |= row->bit;
                r = row->set(ctl, row, optarg, diag);
                if (r < 0)
                        return r;
        }
        return 0;
}

static const struct verb *find_verb(const struct verb *verbs, size_t n_verbs, const char *name,
                                    const char *subname)
{
        for (size_t i = 0; i < n_verbs; i++)
                if (strcmp(verbs[i].name, name) == 0 &&
                    (!verbs[i].subname || (subname && strcmp(verbs[i].subname, subname) == 0)))
                        return &verbs[i];
        return NULL;
}

static int check_misuse(const struct verb *verb, unsigned seen, size_t n_arguments,
                        struct diag *diag)
{
        const char *family = verb->subname ? " " : "", *subname = verb->subname ?: "";

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (seen & rows[i].bit & ~(verb->options | OPTION_ANYWHERE))
                        return diag_fail(diag, -EINVAL, "'%s%s%s' does not take --%s", verb->name,
                                         family, subname, rows[i].name);
        if (n_arguments < verb->min_arguments)
                return diag_fail(diag, -EINVAL, "'%s%s%s' needs %s", verb->name, family, subname,
                                 verb->arguments);
        if (n_arguments > verb->max_arguments)
                return diag_fail(diag, -EINVAL, "'%s%s%s' takes no more arguments than '%s'",
                                 verb->name, family, subname, verb->arguments);
        return 0;
}

int options_parse(int argc, char **argv, const struct verb *verbs, size_t n_verbs, struct ctl *ctl,
                  const struct verb **ret_verb, struct diag *diag)
{
        const struct verb *verb;
        unsigned seen = 0;
        size_t n_words;
        char **words;
        int r;

        ctl->next = NEXT_DEFAULT;
        ctl->days = DAYS_DEFAULT;
        r = parse_options(argc, argv, ctl, &seen, diag);
        if (r < 0)
                return r;
        if (!ctl->paths) {
                r = paths_new(NULL, &ctl->paths);
                if (r < 0)
                        return r;
        }
        words = argv + optind;
        n_words = (size_t)(argc - optind);
        *ret_verb = NULL;
        if (n_words == 0)
                return ctl->help || ctl->version
                           ? 0
                           : diag_fail(diag, -EINVAL, "no command; see 'patchctl --help'");
        verb = find_verb(verbs, n_verbs, words[0], n_words > 1 ? words[1] : NULL);
        if (!verb)
                return diag_fail(diag, -EINVAL, "no such command: '%s%s%s'; see 'patchctl --help'",
                                 words[0], n_words > 1 ? " " : "", n_words > 1 ? words[1] : "");
        words += verb->subname ? 2 : 1;
        n_words -= verb->subname ? 2 : 1;
        *ret_verb = verb;
        if (ctl->help)
                return 0;
        r = check_misuse(verb, seen, n_words, diag);
        if (r < 0)
                return r;
        return strv_add_all(&ctl->arguments, (const char *const *)words, n_words);
}

void options_done(struct ctl *ctl)
{
        paths_free(ctl->paths);
        strv_done(&ctl->tags);
        strv_done(&ctl->keys);
        strv_done(&ctl->arguments);
}

/* ---- usage ---- */

static void print_verb(const struct verb *verb)
{
        CLEANUP(freep)
        char *words =
            str_format("%s%s%s%s%s", verb->name, verb->subname ? " " : "", verb->subname ?: "",
                       verb->arguments[0] ? " " : "", verb->arguments);

        printf("  %-34s %s\n", words ?: verb->name, verb->summary);
}

static void print_options(unsigned bits)
{
        printf("\nOptions:\n");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                CLEANUP(freep) char *words = NULL;

                if (!(rows[i].bit & (bits | OPTION_ANYWHERE)))
                        continue;
                words = str_format("%s--%s%s%s", rows[i].letter == 'o' ? "-o, " : "", rows[i].name,
                                   rows[i].argument ? " " : "", rows[i].argument ?: "");
                printf("  %-34s %s\n", words ?: rows[i].name, rows[i].summary);
        }
}

void options_print_usage(const struct verb *verbs, size_t n_verbs, const struct verb *verb)
{
        printf("Usage: patchctl COMMAND [OPTION]...\n\nCommands:\n");
        for (size_t i = 0; i < n_verbs; i++)
                if (!verb || verb == &verbs[i])
                        print_verb(&verbs[i]);
        print_options(verb ? verb->options : ~0U);
        if (!verb)
                printf("\nExit status: 0 compliant or done, 1 failed, 2 usage, 3 non-compliant,\n"
                       "4 compliant but a reboot is pending, 5 unknown. See patchctl(1).\n");
}
