/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ownership in one place: what a function owns is released when its variable leaves scope.
 * Always initialise such a variable where it is declared.
 */

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn)     __attribute__((cleanup(fn)))
#define MUST_CHECK      __attribute__((warn_unused_result))
#define PRINTF(fmt, at) __attribute__((format(printf, fmt, at)))
#define ELEMENTSOF(a)   (sizeof(a) / sizeof((a)[0]))

/* Defines fnp(), the cleanup function of a pointer that fn() frees. */
#define DEFINE_CLEANUP(type, fn)                                                                   \
        static inline void fn##p(type **p)                                                         \
        {                                                                                          \
                fn(*p);                                                                            \
        }                                                                                          \
        struct allow_trailing_semicolon

/* Gives the value of a pointer and forgets it, so that its cleanup does nothing. */
#define TAKE_PTR(p)                                                                                \
        __extension__({                                                                            \
                __typeof__(p) taken_ = (p);                                                        \
                (p) = NULL;                                                                        \
                taken_;                                                                            \
        })

/* The same for a file descriptor. */
#define TAKE_FD(fd)                                                                                \
        __extension__({                                                                            \
                int taken_ = (fd);                                                                 \
                (fd) = -EBADF;                                                                     \
                taken_;                                                                            \
        })

static inline void freep(void *p)
{
        free(*(void **)p);
}

/* For descriptors; -EBADF (any negative) means none. Keeps errno. */
static inline void closep(const int *fd)
{
        int saved = errno;

        if (*fd >= 0)
                (void)close(*fd);
        errno = saved;
}
