/* SPDX-License-Identifier: Apache-2.0 */

/* patchd-apply: the root helper. One process for one accepted connection, handed over by systemd.
 */

#include "apply/dispatch.h"
#include "apply/reboot/rebooting.h"
#include "apply/service.h"
#include "apply/state.h"
#include "host/archive.h"
#include "host/log.h"
#include "host/paths.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

enum { REQUEST_TIMEOUT_USEC = 30 * 1000 * 1000, REQUESTS_MAX = 100, EXIT_USAGE = 2 };

static const struct {
        const char *name;
        enum service_socket socket;
} sockets[] = {{"apply", SERVICE_SOCKET_APPLY}, {"admin", SERVICE_SOCKET_ADMIN}};

static int usage(void)
{
        fputs("patchd-apply is started by patchd-apply.socket and patchd-admin.socket; see "
              "patchd(8).\nusage: patchd-apply --socket=apply|admin [--prefix DIR]\n",
              stderr);
        return EXIT_USAGE;
}

static bool read_socket(const char *name, struct service *service)
{
        for (size_t i = 0; i < ELEMENTSOF(sockets); i++)
                if (strcmp(name, sockets[i].name) == 0)
                        service->socket = sockets[i].socket;
        return service->socket != 0;
}

static bool read_options(int argc, char **argv, struct service *service, const char **ret_prefix)
{
        static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                                {"prefix", required_argument, NULL, 'p'},
                                                {0}};
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                if (option == 'p')
                        *ret_prefix = optarg;
                else if (option != 's' || !read_socket(optarg, service))
                        return false;
        }
        return service->socket != 0 && optind == argc;
}

/* One connection is one client: it may ask GetInfo first, and a client that is idle is let go. */
static int serve(struct service *service)
{
        for (int i = 0; i < REQUESTS_MAX && !service_should_stop(); i++) {
                CLEANUP(json_freep) struct json *message = NULL;
                struct diag diag = {0};
                int r =
                    connection_receive(service->connection, REQUEST_TIMEOUT_USEC, &message, &diag);

                if (r == -ECONNRESET || r == -ETIMEDOUT || r == -EINTR)
                        return 0;
                if (r < 0) {
                        log_line(LOG_LEVEL_WARNING, "a request was not received: %s",
                                 diag_text(&diag, r));
                        return r;
                }
                r = dispatch_answer(service, message);
                if (r < 0)
                        return r;
                rebooting_perform(service);
        }
        return 0;
}

/* Who may not ask at all gets the reason as the answer to his first call. */
static int serve_peer(struct service *service)
{
        struct diag diag = {0};
        int r = dispatch_check_peer(service, &diag);

        if (r < 0) {
                CLEANUP(freep) char *answer = answer_error("PermissionDenied", diag_text(&diag, r));

                log_line(LOG_LEVEL_WARNING, "uid %u was refused: %s", (unsigned)service->peer_uid,
                         diag_text(&diag, r));
                service_send(service, answer);
                return r == -EPERM ? 0 : r;
        }
        r = state_prepare(service->paths, &diag);
        if (r < 0)
                log_line(LOG_LEVEL_ERROR, "%s", diag_text(&diag, r));
        return serve(service);
}

static int adopt_socket(struct service *service, struct diag *diag)
{
        int r;

        if (sd_listen_fds(1) != 1)
                return diag_fail(diag, -EINVAL, "no connection was handed over by systemd");
        if (sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_STREAM, 0) <= 0)
                return diag_fail(diag, -EINVAL, "what was handed over is no local socket");
        r = connection_adopt(SD_LISTEN_FDS_START, &service->connection, diag);
        if (r >= 0)
                connection_limit(service->connection, VARLINK_REQUEST_MAX_BYTES,
                                 VARLINK_REQUEST_VALUES_MAX);
        return r;
}

int main(int argc, char **argv)
{
        CLEANUP(paths_freep) struct paths *paths = NULL;
        struct service service = {0};
        struct diag diag = {0};
        const char *prefix = NULL;
        int r;

        archive_settle_zone();
        if (!read_options(argc, argv, &service, &prefix))
                return usage();
        log_open("patchd-apply", LOG_LEVEL_INFO);
        service_catch_signals();
        (void)umask(0022);
        r = paths_new(prefix, &paths);
        service.paths = paths;
        if (r >= 0)
                r = adopt_socket(&service, &diag);
        if (r < 0)
                log_line(LOG_LEVEL_ERROR, "%s", diag_text(&diag, r));
        else
                r = serve_peer(&service);
        rebooting_free(service.rebooting);
        connection_free(service.connection);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
