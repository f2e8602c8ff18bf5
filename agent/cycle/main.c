/* SPDX-License-Identifier: Apache-2.0 */
/* patchd-cycle: one run of agent/cycle, for the daemon on descriptor 3 or by hand with --once. */
#include "base/str.h"
#include "cycle/cycle.h"
#include "cycle/fleet_lock.h"
#include "cycle/server.h"
#include "host/archive.h"
#include "host/host.h"
#include "host/log.h"
#include "host/paths.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

enum { EXIT_USAGE = 2 };

struct arguments {
        bool once, help, version;
        const char *prefix, *trigger, *timeout, *fleet_lock;
};

static const struct option_entry {
        const char *name;
        size_t flag;  /* offset of a bool, or */
        size_t value; /* offset of a text; the other one is NONE */
        const char *help;
} option_table[] = {
#define NONE SIZE_MAX
    {"--once", offsetof(struct arguments, once), NONE, "run one cycle without a socket"},
    {"--trigger", NONE, offsetof(struct arguments, trigger), "T: why (default: start)"},
    {"--fleet-lock", NONE, offsetof(struct arguments, fleet_lock), NULL}, /* for the helper */
    {"--prefix", NONE, offsetof(struct arguments, prefix), "DIR: patchd's own files are there"},
    {"--timeout", NONE, offsetof(struct arguments, timeout), NULL}, /* for tests */
    {"--help", offsetof(struct arguments, help), NONE, "show this"},
    {"--version", offsetof(struct arguments, version), NONE, "show the version"},
};

static int parse_option(int argc, char **argv, int *at, struct arguments *arguments)
{
        for (size_t i = 0; i < ELEMENTSOF(option_table); i++) {
                const struct option_entry *entry = &option_table[i];

                if (strcmp(argv[*at], entry->name) != 0)
                        continue;
                if (entry->flag != NONE) {
                        *(bool *)((char *)arguments + entry->flag) = true;
                        return 0;
                }
                if (++*at >= argc)
                        return -EINVAL;
                *(const char **)((char *)arguments + entry->value) = argv[*at];
                return 0;
        }
        return -EINVAL;
}

static int parse_arguments(int argc, char **argv, struct arguments *arguments)
{
        for (int i = 1; i < argc; i++)
                if (parse_option(argc, argv, &i, arguments) < 0)
                        return -EINVAL;
        if (arguments->timeout && !arguments->prefix)
                return -EINVAL;
        if (arguments->fleet_lock && (arguments->once || enum_from_name(&fleet_lock_action_names,
                                                                        arguments->fleet_lock) < 0))
                return -EINVAL;
        return arguments->trigger && !cycle_is_trigger(arguments->trigger) ? -EINVAL : 0;
}

static void print_help(FILE *stream)
{
        fputs("patchd-cycle: fetch, judge, apply and report once; started by systemd for patchd\n",
              stream);
        for (size_t i = 0; i < ELEMENTSOF(option_table); i++)
                if (option_table[i].help)
                        fprintf(stream, "  %-12s %s\n", option_table[i].name, option_table[i].help);
}

/* Shorter limits, so that tests of dead servers are quick. */
static bool read_limits(const char *text, struct transport_limits *limits)
{
        unsigned long long seconds;

        *limits = transport_default_limits;
        if (!text)
                return true;
        if (str_to_uint64(text, 600, &seconds) < 0 || seconds == 0)
                return false;
        limits->connect_timeout_seconds = (long)seconds;
        limits->stall_timeout_seconds = (long)seconds;
        return true;
}

static int run_once(const struct arguments *arguments, const struct paths *paths, struct diag *diag)
{
        CLEANUP(cycle_result_done) struct cycle_result result = {0};
        struct transport_limits limits;
        int r;

        if (!read_limits(arguments->timeout, &limits))
                return diag_fail(diag, -EINVAL, "--timeout takes 1 to 600 seconds");
        r = cycle_run(
            &(struct cycle_options){
                .paths = paths,
                .trigger = arguments->trigger ?: "start",
                .limits = &limits,
            },
            &result, diag);
        if (r < 0)
                return r;
        return result.error ? diag_fail(diag, -EIO, "%s", result.error) : 0;
}

static int ask_fleet_lock(const struct arguments *arguments, const struct paths *paths,
                          struct diag *diag)
{
        CLEANUP(config_freep) struct config *config = NULL;
        CLEANUP(root_done) struct root root = {.fd = -EBADF};
        CLEANUP(node_done) struct node node = {0};
        struct transport_limits limits;
        int r = config_load(paths, &config, diag);

        if (!read_limits(arguments->timeout, &limits))
                return diag_fail(diag, -EINVAL, "--timeout takes 1 to 600 seconds");
        if (r >= 0)
                r = root_open("/", &root, diag);
        if (r >= 0)
                r = host_node(&root, config, NULL, "", &node, diag);
        return r < 0 ? r
                     : fleet_lock_ask(config, node.id,
                                      (enum fleet_lock_action)enum_from_name(
                                          &fleet_lock_action_names, arguments->fleet_lock),
                                      &limits, diag);
}

static int serve(const struct paths *paths, struct diag *diag)
{
        int n_fds = sd_listen_fds(true);

        if (n_fds != 1)
                return diag_fail(
                    diag, -EINVAL,
                    "systemd starts this through patchd-cycle.socket; by hand: --once");
        return server_run(SD_LISTEN_FDS_START, paths, diag);
}

int main(int argc, char **argv)
{
        CLEANUP(paths_freep) struct paths *paths = NULL;
        struct arguments arguments = {0};
        struct diag diag = {0};
        int r;

        archive_settle_zone();
        if (parse_arguments(argc, argv, &arguments) < 0) {
                print_help(stderr);
                return EXIT_USAGE;
        }
        if (arguments.help || arguments.version) {
                if (arguments.help)
                        print_help(stdout);
                else
                        puts("patchd-cycle " PATCHD_VERSION);
                return EXIT_SUCCESS;
        }
        (void)signal(SIGPIPE, SIG_IGN);
        log_open("patchd-cycle", LOG_LEVEL_INFO);
        r = paths_new(arguments.prefix, &paths);
        if (r >= 0)
                r = arguments.fleet_lock ? ask_fleet_lock(&arguments, paths, &diag)
                    : arguments.once     ? run_once(&arguments, paths, &diag)
                                         : serve(paths, &diag);
        if (r >= 0)
                return EXIT_SUCCESS;
        if (arguments.once || arguments.fleet_lock)
                fprintf(stderr, "patchd-cycle: %s\n", diag_text(&diag, r));
        else
                log_line(LOG_LEVEL_ERROR, "%s", diag_text(&diag, r));
        return EXIT_FAILURE;
}
