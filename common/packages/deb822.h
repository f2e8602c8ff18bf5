/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Files of stanzas "Name: value" (deb822(5)): package indexes, dpkg's status, Release files,
 * preferences, .sources. A reader is fed blocks as they are read and hands out only the stanzas
 * that its owner wants by their Package field; the others are only measured.
 */

#include "base/cleanup.h"
#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>

enum { DEB822_STANZA_MAX = 1024 * 1024 };

/* One stanza; the text is the reader's and lives only during the call that hands it out. */
struct deb822_stanza {
        const char *text; /* not terminated */
        size_t size;
};

/* A piece of a stanza; not terminated. at NULL: absent. */
struct deb822_value {
        const char *at;
        size_t length;
};

/* The value of a field without blanks around it; continuation lines are part of it. Names are
 * compared without case. The first of several wins. */
struct deb822_value deb822_find(const struct deb822_stanza *stanza, const char *name);

/* An owned copy of the value. *ret is NULL when the field is absent. Returns -ENOMEM. */
int deb822_get(const struct deb822_stanza *stanza, const char *name, char **ret) MUST_CHECK;

/* What a value says in apt's words (yes, true, with, on, enable, 1 and their opposites); fallback
 * when it is absent or says neither. */
bool deb822_value_to_bool(struct deb822_value value, bool fallback);
bool deb822_get_bool(const struct deb822_stanza *stanza, const char *name, bool fallback);

bool deb822_value_equals(struct deb822_value value, const char *text); /* by bytes */

/* Takes the next line off a value, without its end; false when there is none. */
bool deb822_next_line(struct deb822_value *value, struct deb822_value *ret);

/* Takes the next word (between blanks) off a value; false when there is none. */
bool deb822_next_word(struct deb822_value *value, struct deb822_value *ret);

struct deb822_handler {
        /* Whether a stanza with this Package field is wanted; NULL: all are. */
        bool (*wants)(const char *name, size_t length, void *arg);
        /* Takes a wanted stanza; a negative errno ends the reading. */
        int (*take)(const struct deb822_stanza *stanza, void *arg, struct diag *diag);
        void *arg;
};

struct deb822_reader;

/* Stanzas without Package field are handed out only when handler.wants is NULL. NULL: no memory. */
struct deb822_reader *deb822_reader_new(const struct deb822_handler *handler);
void deb822_reader_free(struct deb822_reader *reader);
DEFINE_CLEANUP(struct deb822_reader, deb822_reader_free);

/* Takes the next bytes of the file. Returns -E2BIG for a stanza over DEB822_STANZA_MAX, -ENOMEM, or
 * what take() returned. */
int deb822_feed(struct deb822_reader *reader, const char *bytes, size_t size,
                struct diag *diag) MUST_CHECK;

/* The end of the file. Returns -EBADMSG when it ends within a line: it was cut. */
int deb822_finish(struct deb822_reader *reader, struct diag *diag) MUST_CHECK;

/* Bytes fed so far. */
size_t deb822_size(const struct deb822_reader *reader);

/* Reads a whole small file: comment lines ('#') are dropped, lines of blanks end a stanza, the last
 * line needs no end. Returns -EINVAL for a NUL byte, and what feed and finish do. */
int deb822_read_text(const char *text, size_t size, const struct deb822_handler *handler,
                     struct diag *diag) MUST_CHECK;
