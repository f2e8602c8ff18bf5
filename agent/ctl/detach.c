/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/detach.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

static const int signals[] = {SIGINT, SIGHUP, SIGTERM};

static void do_nothing(int number)
{
        (void)number;
}

static void set_handlers(void (*from)(int), void (*to)(int))
{
        const struct sigaction action = {.sa_handler = to};

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                struct sigaction old;

                if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == from)
                        (void)sigaction(signals[i], &action, NULL);
        }
}

void detach_arm(struct detach *detach)
{
        sigset_t blocked;

        (void)sigemptyset(&blocked);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void)sigaddset(&blocked, signals[i]);
        (void)sigprocmask(SIG_BLOCK, &blocked, &detach->mask);
        set_handlers(SIG_DFL, do_nothing);
}

void detach_disarm(const struct detach *detach)
{
        set_handlers(do_nothing, SIG_DFL);
        (void)sigprocmask(SIG_SETMASK, &detach->mask, NULL);
}

int detach_sleep(const struct detach *detach, int64_t msec)
{
        const struct timespec timeout = {.tv_sec = msec / 1000,
                                         .tv_nsec = (long)(msec % 1000) * 1000000};

        return ppoll(NULL, 0, &timeout, &detach->mask) < 0 ? -errno : 0;
}

int detach_say(void)
{
        (void)fprintf(stderr,
                      "patchctl: detached; the run goes on: 'patchctl watch' shows it again, "
                      "'patchctl history' what came of it\n");
        return EXIT_UNKNOWN;
}
