/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/manager.h"
#include "host/log.h"
#include "host/paths.h"

#include <getopt.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

enum exit_code { EXIT_CODE_FAILED = 1, EXIT_CODE_USAGE = 2 };

static const struct option options[] = {
    {"prefix", required_argument, NULL, 'p'},
    {"version", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "patchd [--prefix DIR]\n"
    "The resident part of patchd: schedules cycles and answers on agent.sock.\n"
    "\n"
    "  --prefix DIR  use DIR/etc, DIR/var and DIR/run (for tests)\n"
    "  --version     print the version\n"
    "  --help        print this\n";

/* At most one socket is passed (socket activation); none: negative. */
static int passed_socket(int *ret_fd, struct diag *diag)
{
        int n = sd_listen_fds(1);

        if (n > 1)
                return diag_fail(diag, -EINVAL, "%d sockets were passed, expected one", n);
        if (n == 1 && sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0)
                return diag_fail(diag, -EINVAL, "what was passed is no listening unix socket");
        *ret_fd = n == 1 ? SD_LISTEN_FDS_START : -EBADF;
        return n < 0 ? n : 0;
}

static int run(const char *prefix, struct diag *diag)
{
        CLEANUP(paths_freep) struct paths *paths = NULL;
        CLEANUP(manager_freep) struct manager *manager = NULL;
        int listen_fd = -EBADF;
        int r;

        r = paths_new(prefix, &paths);
        if (r < 0)
                return r;
        r = passed_socket(&listen_fd, diag);
        if (r < 0)
                return r;
        r = manager_new(paths, listen_fd, &manager, diag);
        if (r < 0)
                return r;
        return manager_run(manager, diag);
}

int main(int argc, char *argv[])
{
        const char *prefix = NULL;
        struct diag diag = {0};
        int option, r;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (option) {
                case 'p':
                        prefix = optarg;
                        break;
                case 'v':
                        (void)puts("patchd " PATCHD_VERSION);
                        return EXIT_SUCCESS;
                case 'h':
                        (void)fputs(help, stdout);
                        return EXIT_SUCCESS;
                default:
                        return EXIT_CODE_USAGE;
                }
        if (optind < argc) {
                (void)fprintf(stderr, "patchd: '%s' is not understood; try --help\n", argv[optind]);
                return EXIT_CODE_USAGE;
        }
        log_open("patchd", LOG_LEVEL_INFO);
        r = run(prefix, &diag);
        if (r < 0)
                log_line(LOG_LEVEL_ERROR, "%s", diag_text(&diag, r));
        return r < 0 ? EXIT_CODE_FAILED : EXIT_SUCCESS;
}
