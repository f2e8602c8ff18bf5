/* SPDX-License-Identifier: Apache-2.0 */

/* patchctl: judges alone, asks the daemon, or asks the root helper. */

#include "ctl/ctl.h"

#include "ctl/options.h"
#include "host/archive.h"

#include <signal.h>
#include <stdio.h>

#define OPTIONS_JUDGE (OPTION_JSON | OPTION_POLICY | OPTION_ROOT | OPTION_AT | OPTION_TAG)

static const struct verb verbs[] = {
    {"scan", NULL, 0, 0, OPTIONS_JUDGE | OPTION_ALL, verb_scan, "",
     "Judge this host (or --root) here and now; reads only"},
    {"explain", NULL, 1, 1, OPTIONS_JUDGE, verb_explain, "PACKAGE",
     "Every fact and rule behind one verdict"},
    {"status", NULL, 0, 0, OPTION_JSON, verb_status, "",
     "The daemon's last report, next window and pending work"},
    {"windows", NULL, 0, 0, OPTIONS_JUDGE | OPTION_NEXT, verb_windows, "",
     "When the maintenance window opens"},
    {"history", NULL, 0, 1, OPTION_JSON | OPTION_NEXT, verb_history, "[RUN]",
     "Past runs, or everything one run did"},
    {"apply", NULL, 0, 0, OPTION_JSON | OPTION_NOW | OPTION_DOWNLOAD_ONLY, verb_apply, "",
     "Install what is approved, in the window"},
    {"watch", NULL, 0, 0, OPTION_JSON, verb_watch, "", "Follow the run that is going on"},
    {"reboot", NULL, 0, 0, OPTION_JSON, verb_reboot, "",
     "Reboot the node now, unless something is in the way"},
    {"rollback", NULL, 0, 1, OPTION_JSON | OPTION_YES, verb_rollback, "[RUN]",
     "Bring back what a run replaced"},
    {"veto", "list", 0, 0, OPTION_JSON, verb_veto_list, "",
     "Versions that this node does not take again"},
    {"veto", "clear", 1, 1, OPTION_JSON, verb_veto_clear, "PACKAGE",
     "Allow a vetoed version again"},
    {"pause", NULL, 0, 0, OPTION_JSON | OPTION_UNTIL, verb_pause, "",
     "Install nothing until resumed"},
    {"resume", NULL, 0, 0, OPTION_JSON, verb_resume, "", "End a pause"},
    {"doctor", NULL, 0, 0, OPTION_JSON, verb_doctor, "",
     "Check configuration, keys, sockets and the host"},
    {"policy", "keygen", 1, 1, 0, verb_policy_keygen, "PREFIX",
     "Make PREFIX.key and PREFIX.pem (Ed25519)"},
    {"policy", "sign", 1, 1, OPTION_KEY | OPTION_OUTPUT, verb_policy_sign, "FILE",
     "Sign a policy with --key, or add a signature"},
    {"policy", "verify", 1, 1, OPTION_KEY | OPTION_JSON | OPTION_AT, verb_policy_verify, "ENVELOPE",
     "Check signatures and content by --key or this node's keys"},
    {"policy", "check", 1, 1, OPTION_JSON, verb_policy_check, "FILE",
     "Check a policy's content before signing it"},
    {"feed", "build", 1, 1, OPTION_FEED | OPTION_MANIFEST | OPTION_KEY | OPTION_OUTPUT,
     verb_feed_build, "EXPORT", "Cut an OSV export to one release and sign its manifest"},
    {"feed", "check", 1, 1, OPTION_FEED | OPTION_JSON, verb_feed_check, "FILE",
     "Count what a feed says of one release"},
    {"policy", "reset", 0, 0, OPTION_JSON, verb_policy_reset, "",
     "Forget the highest policy version seen (root, logged)"},
};

int main(int argc, char **argv)
{
        CLEANUP(options_done) struct ctl ctl = {0};
        const struct verb *verb = NULL;
        struct diag diag = {0};

        archive_settle_zone();
        (void)signal(SIGPIPE, SIG_IGN);
        ctl.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
        if (options_parse(argc, argv, verbs, ELEMENTSOF(verbs), &ctl, &verb, &diag) < 0) {
                (void)fprintf(stderr, "patchctl: %s\n", diag_text(&diag, -EINVAL));
                return EXIT_USAGE;
        }
        if (ctl.version) {
                printf("patchctl %s\n", PATCHD_VERSION);
                return EXIT_DONE;
        }
        if (ctl.help || !verb) {
                options_print_usage(verbs, ELEMENTSOF(verbs), verb);
                return EXIT_DONE;
        }
        return verb->run(&ctl);
}
