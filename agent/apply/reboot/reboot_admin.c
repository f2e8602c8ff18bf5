/* SPDX-License-Identifier: Apache-2.0 */
#include "apply/reboot/logind.h"
#include "apply/reboot/reboot_lock.h"
#include "apply/reboot/rebooting.h"
#include "apply/state.h"
#include "base/str.h"
#include "host/host.h"
#include "host/log.h"

#include <string.h>

/* -EBUSY with who is in the way. */
static int check_blockers(struct diag *diag)
{
        CLEANUP(freep) char *names = NULL;
        int r = logind_blockers(&names, diag);

        return r < 0 || !names ? r
                               : diag_fail(diag, -EBUSY,
                                           "a shutdown is inhibited by %s; 'systemctl reboot -i' "
                                           "does not ask",
                                           names);
}

static int take_lock(const struct paths *paths, struct diag *diag)
{
        CLEANUP(freep) char *obstacle = NULL;
        int r = reboot_lock_take(paths, &obstacle, diag);

        return r < 0 || !obstacle
                   ? r
                   : diag_fail(diag, -EBUSY, "%s; 'systemctl reboot' does not ask", obstacle);
}

/* On disk first, so that the next boot knows who rebooted. */
static int note(const struct paths *paths, const char *reason, struct diag *diag)
{
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        CLEANUP(strv_done) struct strv reasons = {0};
        CLEANUP(freep) char *boot_id = host_boot_id();
        int r = boot_id ? reboot_book_read(paths, &book) : -ENOMEM;

        if (r >= 0)
                r = strv_add(&reasons, reason);
        if (r >= 0)
                r = reboot_book_request(&book, NULL, boot_id, &reasons, time(NULL));
        return r < 0 ? r : reboot_book_write(paths, &book, diag);
}

static int take_back(const struct paths *paths)
{
        CLEANUP(reboot_book_done) struct reboot_book book = {0};
        int r = reboot_book_read(paths, &book);

        if (r < 0)
                return r;
        reboot_book_withdraw(&book);
        return reboot_book_write(paths, &book, NULL);
}

static int reboot(struct service *service, struct diag *diag)
{
        CLEANUP(freep) char *reason = str_format("asked by uid %u", (unsigned)service->peer_uid);
        CLEANUP(freep)
        char *wall = reason ? str_format("patchd reboots this node: %s", reason) : NULL;
        const struct event_fields fields = {.reason = reason};
        struct diag why = {0};
        int r = wall ? check_blockers(diag) : -ENOMEM;

        if (r >= 0)
                r = take_lock(service->paths, diag);
        if (r >= 0)
                r = note(service->paths, reason, diag);
        if (r >= 0) {
                log_event(EVENT_REBOOT_REQUESTED, &fields);
                r = logind_reboot(wall, diag);
                if (r < 0 && take_back(service->paths) < 0)
                        log_line(LOG_LEVEL_WARNING,
                                 "reboot.json still tells of a reboot that did not come");
        }
        if (r < 0 && reboot_lock_release(service->paths, &why) < 0)
                log_line(LOG_LEVEL_WARNING, "%s", why.text);
        return r;
}

int rebooting_handle(struct service *service, const struct request *request, char **ret_answer,
                     struct diag *diag)
{
        CLEANUP(lock_holder_done) struct lock_holder holder = {0};
        CLEANUP(run_lock_done) struct run_lock lock = {.fd = -EBADF};
        int r = run_lock_take(service->paths, "reboot", time(NULL), &lock, &holder, diag);

        (void)request;
        if (r == -EBUSY)
                *ret_answer = answer_already_running(holder.run_id, holder.since);
        if (r >= 0)
                r = reboot(service, diag);
        if (r < 0)
                return r;
        *ret_answer = varlink_reply_text(NULL, false);
        return *ret_answer ? 0 : -ENOMEM;
}
