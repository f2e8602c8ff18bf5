/* SPDX-License-Identifier: Apache-2.0 */

/* doctor: looks at everything that patching needs here, and says what to do about it. */

#include "base/json.h"
#include "base/str.h"
#include "base/timetext.h"
#include "ctl/print.h"
#include "ctl/source.h"
#include "host/clock.h"
#include "host/host.h"
#include "host/updaters.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { STATE_SPACE_MIN_MB = 300, BOOT_SPACE_MIN_MB = 100 };

enum finding_level { FINDING_OK, FINDING_WARNING, FINDING_PROBLEM };
static const char *const level_texts[] = {"ok", "warning", "problem"};
static const struct enum_table level_names = ENUM_TABLE(level_texts);
static const enum tone level_tones[] = {TONE_GOOD, TONE_WARN, TONE_BAD};

struct examination {
        const struct ctl *ctl;
        struct subject subject; /* judgement NULL when it could not be made */
        int judge_error;
        struct diag judge_diag;
        const char *current; /* the check that runs */
        struct table table;
        struct json_writer *writer;
        enum finding_level worst;
};

static void find(struct examination *exam, enum finding_level level, const char *format, ...)
    PRINTF(3, 4);

static void find(struct examination *exam, enum finding_level level, const char *format, ...)
{
        CLEANUP(str_done) struct str text = {0};
        va_list args;

        va_start(args, format);
        str_vappendf(&text, format, args);
        va_end(args);
        if (text.failed)
                return;
        exam->worst = level > exam->worst ? level : exam->worst;
        table_add(&exam->table, level_tones[level],
                  (const char *[]){enum_name(&level_names, (int)level), exam->current, text.data});
        json_begin_object(exam->writer, NULL);
        json_add_string(exam->writer, "check", exam->current);
        json_add_string(exam->writer, "level", enum_name(&level_names, (int)level));
        json_add_string(exam->writer, "text", text.data);
        json_end(exam->writer);
}

static void find_all(struct examination *exam, enum finding_level level, const struct strv *texts)
{
        for (size_t i = 0; i < texts->n_items; i++)
                find(exam, level, "%s", texts->items[i]);
}

/* ---- checks ---- */

static void check_configuration(struct examination *exam)
{
        CLEANUP(config_freep) struct config *config = NULL;
        struct diag diag = {0};
        int r = config_load(exam->ctl->paths, &config, &diag);

        if (r < 0)
                find(exam, FINDING_PROBLEM, "%s", diag_text(&diag, r));
        else
                find(exam, FINDING_OK, "policy from %s",
                     config->policy_url ?: "the shipped default (no policy_url is configured)");
}

static void check_keys(struct examination *exam)
{
        CLEANUP(keyring_freep) struct keyring *keys = NULL;
        const struct config *config = exam->subject.config;
        bool remote = config && config->policy_url && str_has_prefix(config->policy_url, "http");
        struct diag diag = {0};
        int r = host_keyring(exam->ctl->paths, &keys, &diag);

        if (r < 0)
                find(exam, FINDING_PROBLEM, "%s", diag_text(&diag, r));
        else if (keyring_size(keys) == 0)
                find(exam, remote ? FINDING_PROBLEM : FINDING_OK, "no key in %s/trusted-keys.d%s",
                     exam->ctl->paths->etc,
                     remote ? ": no policy can be accepted; put the policy key's .pem there" : "");
        else
                find(exam, FINDING_OK, "%zu trusted", keyring_size(keys));
}

static void check_policy(struct examination *exam)
{
        const struct policy *policy = exam->subject.policy;

        if (exam->judge_error < 0)
                find(exam, FINDING_PROBLEM, "%s", diag_text(&exam->judge_diag, exam->judge_error));
        else if (exam->subject.judgement->decisions->assignment)
                find(exam, FINDING_OK, "'%s' version %lld, assignment '%s'", policy->policy_id,
                     (long long)policy->version,
                     exam->subject.judgement->decisions->assignment->name);
        else
                find(exam, FINDING_PROBLEM, "'%s' assigns nothing to this node: check its tags",
                     policy->policy_id);
}

static void check_judgement(struct examination *exam)
{
        const struct decisions *decisions =
            exam->subject.judgement ? exam->subject.judgement->decisions : NULL;

        if (!decisions)
                return;
        find_all(exam, FINDING_PROBLEM, &decisions->unknown_reasons);
        find_all(exam, FINDING_WARNING, &decisions->apply_refusals);
        if (decisions->unknown_reasons.n_items == 0)
                find(exam, FINDING_OK, "%s",
                     enum_name(&compliance_names, (int)decisions->compliance));
}

/* What there is of a feed, and whether somebody still renews it. */
static void check_feed(struct examination *exam, const struct feed_found *feed)
{
        CLEANUP(freep) char *trouble = feed_view_trouble(exam->ctl->paths, feed->id);
        CLEANUP(freep) char *issued = print_when(feed->issued, ctl_now(exam->ctl));
        CLEANUP(freep) char *expires = print_when(feed->expires, ctl_now(exam->ctl));

        if (feed->lacking) {
                find(exam, FINDING_PROBLEM, "%s%s%s", feed->lacking,
                     trouble ? "; when it was last asked for: " : "", trouble ?: "");
                return;
        }
        if (feed->version == 0)
                find(exam, FINDING_OK, "'%s', a file that the policy pins", feed->id);
        else
                find(exam, trouble ? FINDING_WARNING : FINDING_OK,
                     "'%s' version %lld, issued %s, expires %s%s%s", feed->id,
                     (long long)feed->version, issued, expires,
                     trouble ? "; this last good one is kept: " : "", trouble ?: "");
}

static void check_feeds(struct examination *exam)
{
        const struct feeds_found *feeds = &exam->subject.feeds;
        bool is_judged = exam->subject.judgement != NULL;

        for (size_t i = 0; i < feeds->n_items; i++)
                check_feed(exam, &feeds->items[i]);
        if (is_judged && feeds->n_items == 0)
                find(exam, FINDING_OK,
                     "the policy names none for this system: no advisories, so no severities");
}

static void check_packages(struct examination *exam)
{
        const struct inventory *inventory =
            exam->subject.judgement ? exam->subject.judgement->inventory : NULL;

        if (!inventory)
                return;
        find_all(exam, FINDING_PROBLEM, &inventory->broken);
        if (inventory->interrupted)
                find(exam, FINDING_PROBLEM,
                     "dpkg was interrupted; the next run repairs it, or 'dpkg --configure -a'");
        if (inventory->broken.n_items == 0 && !inventory->interrupted)
                find(exam, FINDING_OK, "%zu known, none broken", inventory->n_packages);
}

static void check_updater(struct examination *exam, const char *name)
{
        const char *hand_over = updaters_hand_over(name);

        if (!hand_over)
                find(exam, FINDING_WARNING,
                     "%s is active beside patchd and installs what no policy approved", name);
        else if (!updaters_are_handed_over(&exam->subject.root))
                find(exam, FINDING_WARNING,
                     "%s is active beside patchd and installs what no policy approved: '%s take' "
                     "hands its work to patchd",
                     name, hand_over);
        else
                find(exam, FINDING_WARNING,
                     "%s was handed over to patchd and is active all the same: '%s take' says why",
                     name, hand_over);
}

static void check_updaters(struct examination *exam)
{
        const struct judgement *judgement = exam->subject.judgement;
        const struct strv *others = judgement ? &judgement->inventory->other_updaters : NULL;

        for (size_t i = 0; others && i < others->n_items; i++)
                check_updater(exam, others->items[i]);
        if (!others || others->n_items > 0)
                return;
        if (updaters_are_handed_over(&exam->subject.root) && !judgement->decisions->may_apply)
                find(exam, FINDING_WARNING,
                     "patching was handed over to patchd, which installs nothing now: this node "
                     "gets no updates until its policy applies, or after '%s give-back'",
                     updaters_hand_over("unattended-upgrades"));
        else
                find(exam, FINDING_OK, "none beside patchd");
}

/* Nothing that is signed can be from the future: then it is the clock that is wrong. */
static time_t newest_known(const struct examination *exam)
{
        const struct subject *subject = &exam->subject;
        time_t newest = subject->policy ? subject->policy->issued : 0;
        time_t index =
            subject->judgement ? inventory_newest_date(subject->judgement->inventory) : 0;

        newest = index > newest ? index : newest;
        for (size_t i = 0; i < subject->feeds.n_items; i++)
                if (subject->feeds.items[i].issued > newest)
                        newest = subject->feeds.items[i].issued;
        return newest;
}

static void check_clock(struct examination *exam)
{
        time_t now = ctl_now(exam->ctl), newest = newest_known(exam);
        char text[TIME_TEXT_SIZE], other[TIME_TEXT_SIZE];

        if (now < newest)
                find(exam, FINDING_PROBLEM,
                     "%s is before %s, when a policy, feed or index here was signed: set it",
                     time_to_rfc3339(now, text), time_to_rfc3339(newest, other));
        else if (!str_equal(clock_state(), "synchronised"))
                find(exam, FINDING_WARNING,
                     "%s, not synchronised: ages, windows and expiry count on it; start an NTP "
                     "client",
                     time_to_rfc3339(now, text));
        else
                find(exam, FINDING_OK, "%s, synchronised", time_to_rfc3339(now, text));
}

static void check_sockets(struct examination *exam)
{
        const struct paths *paths = exam->ctl->paths;
        const char *const sockets[] = {paths->agent_socket, paths->cycle_socket,
                                       paths->apply_socket, paths->admin_socket};
        size_t n_missing = 0;

        for (size_t i = 0; i < ELEMENTSOF(sockets); i++) {
                struct stat status;

                if (stat(sockets[i], &status) >= 0 || errno == EACCES)
                        continue;
                n_missing++;
                find(exam, FINDING_PROBLEM,
                     "%s is not there: 'systemctl start patchd' and its sockets", sockets[i]);
        }
        if (n_missing == 0)
                find(exam, FINDING_OK, "all four are there");
}

static void check_space(struct examination *exam)
{
        const struct {
                const char *path;
                unsigned long long min_mb;
        } places[] = {{"/var", STATE_SPACE_MIN_MB}, {"/boot", BOOT_SPACE_MIN_MB}};

        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                struct statvfs space;
                unsigned long long free_mb;

                if (statvfs(places[i].path, &space) < 0)
                        continue;
                free_mb = (unsigned long long)space.f_bavail * space.f_frsize >> 20;
                find(exam, free_mb < places[i].min_mb ? FINDING_WARNING : FINDING_OK,
                     "%llu MB free below %s%s", free_mb, places[i].path,
                     free_mb < places[i].min_mb ? ": updates may not fit" : "");
        }
}

static const struct {
        const char *name;
        void (*run)(struct examination *exam);
} checks[] = {
    {"configuration", check_configuration},
    {"keys", check_keys},
    {"policy", check_policy},
    {"feeds", check_feeds},
    {"judgement", check_judgement},
    {"packages", check_packages},
    {"updaters", check_updaters},
    {"clock", check_clock},
    {"sockets", check_sockets},
    {"space", check_space},
};

int verb_doctor(const struct ctl *ctl)
{
        CLEANUP(json_writer_freep) struct json_writer *writer = json_writer_new();
        CLEANUP(freep) char *text = NULL;
        struct examination exam = {
            .ctl = ctl, .writer = writer, .subject.root.fd = -EBADF, .table.n_columns = 3};

        exam.judge_error = subject_judge(ctl, NULL, &exam.subject, &exam.judge_diag);
        json_begin_array(writer, NULL);
        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                exam.current = checks[i].name;
                checks[i].run(&exam);
        }
        json_end(writer);
        if (!ctl->json)
                table_print(&exam.table, ctl->colour);
        else if (json_writer_finish(writer, true, &text) == 0)
                (void)fputs(text, stdout);
        table_done(&exam.table);
        subject_done(&exam.subject);
        return exam.worst == FINDING_PROBLEM ? EXIT_FAILED : EXIT_DONE;
}
