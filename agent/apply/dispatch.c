/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/dispatch.h"

#include "apply/reboot/reboot_settle.h"
#include "apply/reboot/rebooting.h"
#include "apply/refresh.h"
#include "apply/rollback/rollback_method.h"
#include "apply/run/run.h"
#include "apply/state.h"
#include "apply/state_method.h"
#include "apply/trust.h"
#include "base/str.h"
#include "host/log.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

#define INTERFACE   "org.patchd.apply"
#define DAEMON_USER "patchd"
#define ADMIN_GROUP "patchd-admin"

/* ---- who may ---- */

static bool is_daemon(const struct service *service)
{
        const struct passwd *user = getpwnam(DAEMON_USER);

        return user && user->pw_uid == service->peer_uid;
}

static bool is_admin(const struct service *service)
{
        const struct group *group = getgrnam(ADMIN_GROUP);

        return group && connection_peer_in_group(service->connection, group->gr_gid);
}

int dispatch_check_peer(struct service *service, struct diag *diag)
{
        pid_t pid;
        int r = connection_peer(service->connection, &service->peer_uid, &pid, diag);

        if (r < 0 || service->peer_uid == 0)
                return r;
        if (service->socket == SERVICE_SOCKET_APPLY && !is_daemon(service))
                return diag_fail(diag, -EPERM, "only user " DAEMON_USER " and root may ask here");
        if (service->socket == SERVICE_SOCKET_ADMIN && !is_admin(service))
                return diag_fail(diag, -EPERM,
                                 "only root and members of the group " ADMIN_GROUP
                                 " may ask here (a new membership counts from the next login)");
        return 0;
}

/* ---- small methods ---- */

static void log_change(const struct service *service, enum event event, time_t until)
{
        char text[TIME_TEXT_SIZE];
        CLEANUP(freep)
        char *reason =
            str_format("by uid %u%s%s", (unsigned)service->peer_uid, until ? " until " : "",
                       until ? time_to_rfc3339(until, text) : "");
        const struct event_fields fields = {.reason = reason};

        log_event(event, &fields);
}

static int handle_pause(struct service *service, const struct request *request, char **ret_answer,
                        struct diag *diag)
{
        time_t now = time(NULL);
        int r;

        if (request->until > 0 && request->until <= now) {
                *ret_answer = answer_error("InvalidRequest", "until: this time has passed");
                return 0;
        }
        r = state_write_pause(service->paths, now, request->until, service->peer_uid, diag);
        if (r < 0)
                return r;
        log_change(service, EVENT_PAUSED, request->until);
        *ret_answer = varlink_reply_text(NULL, false);
        return 0;
}

static int handle_resume(struct service *service, const struct request *request, char **ret_answer,
                         struct diag *diag)
{
        int r = state_remove_pause(service->paths, diag);

        (void)request;
        if (r < 0)
                return r;
        log_change(service, EVENT_RESUMED, 0);
        *ret_answer = varlink_reply_text(NULL, false);
        return 0;
}

static int handle_reset_policy(struct service *service, const struct request *request,
                               char **ret_answer, struct diag *diag)
{
        CLEANUP(lock_holder_done) struct lock_holder holder = {0};
        CLEANUP(run_lock_done) struct run_lock lock = {.fd = -EBADF};
        int r = run_lock_take(service->paths, "reset-policy", time(NULL), &lock, &holder, diag);

        (void)request;
        if (r == -EBUSY)
                *ret_answer = answer_already_running(holder.run_id, holder.since);
        if (r >= 0)
                r = trust_reset(service->paths, service->peer_uid, time(NULL), diag);
        if (r < 0)
                return r;
        log_change(service, EVENT_POLICY_RESET, 0);
        *ret_answer = varlink_reply_text(NULL, false);
        return 0;
}

/* An administrator's request finds the policy here, long before the window brings a run. */
static int handle_set_policy(struct service *service, const struct request *request,
                             char **ret_answer, struct diag *diag)
{
        CLEANUP(lock_holder_done) struct lock_holder holder = {0};
        CLEANUP(run_lock_done) struct run_lock lock = {.fd = -EBADF};
        CLEANUP(policy_freep) struct policy *policy = NULL;
        CLEANUP(config_freep) struct config *config = NULL;
        time_t now = time(NULL);
        int r = run_lock_take(service->paths, "set-policy", now, &lock, &holder, diag);

        if (r == -EBUSY)
                *ret_answer = answer_already_running(holder.run_id, holder.since);
        if (r >= 0)
                r = config_load(service->paths, &config, diag);
        if (r >= 0)
                r = trust_policy(service->paths, config, &request->envelope, now, &policy,
                                 ret_answer, diag);
        if (r < 0)
                return r;
        *ret_answer = varlink_reply_text(NULL, false);
        return 0;
}

/* ---- the table ---- */

static const struct method {
        const char *name;
        unsigned sockets;
        const struct request_fields *fields;
        int (*handle)(struct service *service, const struct request *request, char **ret_answer,
                      struct diag *diag); /* NULL: not in this version */
} methods[] = {
    {"SetPolicy", SERVICE_SOCKET_APPLY, &request_fields_set_policy, handle_set_policy},
    {"Refresh", SERVICE_SOCKET_APPLY, &request_fields_none, refresh_handle},
    {"Download", SERVICE_SOCKET_APPLY, &request_fields_download, run_handle_download},
    {"Apply", SERVICE_SOCKET_APPLY, &request_fields_run, run_handle_apply},
    {"Recover", SERVICE_SOCKET_APPLY, &request_fields_none, reboot_settle_handle},
    {"ApplyNow", SERVICE_SOCKET_ADMIN, &request_fields_apply_now, run_handle_apply_now},
    {"Pause", SERVICE_SOCKET_ADMIN, &request_fields_pause, handle_pause},
    {"Resume", SERVICE_SOCKET_ADMIN, &request_fields_none, handle_resume},
    {"ResetPolicy", SERVICE_SOCKET_ADMIN, &request_fields_none, handle_reset_policy},
    {"Rollback", SERVICE_SOCKET_ADMIN, &request_fields_rollback, rollback_handle},
    {"Reboot", SERVICE_SOCKET_ADMIN, &request_fields_none, rebooting_handle},
    {"ClearVeto", SERVICE_SOCKET_ADMIN, &request_fields_clear_veto, rollback_handle_clear_veto},
    {"GetState", SERVICE_SOCKET_APPLY | SERVICE_SOCKET_ADMIN, &request_fields_none,
     state_method_handle},
};

static const struct method *find_method(const char *full_name)
{
        if (!str_has_prefix(full_name, INTERFACE "."))
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (strcmp(full_name + strlen(INTERFACE "."), methods[i].name) == 0)
                        return &methods[i];
        return NULL;
}

static char *wrong_socket(const struct method *method)
{
        CLEANUP(freep)
        char *text =
            method->sockets == SERVICE_SOCKET_ADMIN
                ? str_format("%s is for administrators: ask on the admin socket, as root or as a "
                             "member of the group " ADMIN_GROUP,
                             method->name)
                : str_format("%s is for the daemon: ask on the apply socket, as user " DAEMON_USER,
                             method->name);

        return text ? answer_error("PermissionDenied", text) : NULL;
}

static char *call_method(struct service *service, const struct method *method,
                         const struct varlink_call *call)
{
        CLEANUP(request_done) struct request request = {0};
        struct diag diag = {0};
        char *answer = NULL;
        int r;

        if (!(method->sockets & service->socket))
                return wrong_socket(method);
        if (!method->handle)
                return varlink_error_text("org.varlink.service.MethodNotImplemented", "method",
                                          call->method);
        r = request_read(call->parameters, method->fields, &request, &diag);
        if (r < 0)
                return answer_error("InvalidRequest", diag_text(&diag, r));
        service->more = call->more;
        r = method->handle(service, &request, &answer, &diag);
        if (answer)
                return answer;
        if (r == -ENOSPC || r == -EROFS || r == -EIO) {
                const struct event_fields fields = {.reason = diag_text(&diag, r)};

                log_event(EVENT_STATE_PROBLEM, &fields);
        }
        return answer_error("Failed", diag_text(&diag, r));
}

int dispatch_answer(struct service *service, const struct json *message)
{
        static const char *const names[] = {INTERFACE};
        const char *const texts[] = {varlink_interface_apply};
        const struct method *method;
        struct varlink_call call = {0};
        CLEANUP(freep) char *answer = NULL;
        struct diag diag = {0};
        int r = varlink_read_call(message, &call, &diag);

        if (r < 0) {
                log_line(LOG_LEVEL_WARNING, "a request was not understood: %s",
                         diag_text(&diag, r));
                return r;
        }
        method = find_method(call.method);
        answer = method ? call_method(service, method, &call)
                        : varlink_answer_service(&call, names, texts, ELEMENTSOF(names));
        if (!answer && !method)
                answer = varlink_unknown_text(&call, names, ELEMENTSOF(names));
        if (!call.oneway)
                service_send(service, answer);
        return answer ? 0 : -ENOMEM;
}
