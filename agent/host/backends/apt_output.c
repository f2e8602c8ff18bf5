/* SPDX-License-Identifier: Apache-2.0 */
#include "host/backends/apt_output.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* ---- apt-get --simulate ---- */

static const struct {
        const char *word;
        enum backend_change_kind kind;
} change_words[] = {
    {"Inst ", CHANGE_INSTALL},
    {"Conf ", CHANGE_CONFIGURE},
    {"Remv ", CHANGE_REMOVE},
    {"Purg ", CHANGE_REMOVE},
};

/* Copies the text between open and close, which has to start at *at, and goes behind it. */
static int take_bracketed(const char **at, char open, char close, char **ret)
{
        const char *end = **at == open ? strchr(*at, close) : NULL;

        if (!end)
                return 0;
        *ret = strndup(*at + 1, (size_t)(end - *at - 1));
        *at = end + 1 + strspn(end + 1, " ");
        return *ret ? 0 : -ENOMEM;
}

/* "1:1.1 Test:stable, Test-Security:stable-security [amd64]": the first word, the last bracket. */
static int read_new_version(const char *text, struct backend_change *change)
{
        const char *open = strrchr(text, '['), *close = open ? strchr(open, ']') : NULL;

        change->version_to = strndup(text, strcspn(text, " "));
        if (!change->version_to)
                return -ENOMEM;
        if (!close)
                return 0;
        free(change->arch);
        change->arch = strndup(open + 1, (size_t)(close - open - 1));
        return change->arch ? 0 : -ENOMEM;
}

/* "name[:arch] [old] (new origin [arch])" with more brackets behind it that say what is broken. */
static int read_change(const char *at, struct backend_change *change)
{
        CLEANUP(freep) char *inner = NULL;
        size_t length = strcspn(at, " \t");
        char *colon;
        int r;

        change->name = strndup(at, length);
        if (!change->name)
                return -ENOMEM;
        colon = strchr(change->name, ':');
        if (colon) {
                *colon = '\0';
                change->arch = strdup(colon + 1);
                if (!change->arch)
                        return -ENOMEM;
        }
        at += length + strspn(at + length, " ");
        r = take_bracketed(&at, '[', ']', &change->version_from);
        if (r >= 0)
                r = take_bracketed(&at, '(', ')', &inner);
        if (r < 0 || !inner)
                return r;
        return read_new_version(inner, change);
}

static int add_change(struct backend_changes *changes, enum backend_change_kind kind,
                      const char *line, const char *rest)
{
        struct backend_change *items =
            reallocarray(changes->items, changes->n_items + 1, sizeof(*changes->items));

        if (!items)
                return -ENOMEM;
        changes->items = items;
        items[changes->n_items] = (struct backend_change){.kind = kind, .line = strdup(line)};
        if (!items[changes->n_items++].line)
                return -ENOMEM;
        return read_change(rest, &items[changes->n_items - 1]);
}

int apt_for_each_line(const char *text, int (*visit)(char *line, void *arg), void *arg)
{
        CLEANUP(freep) char *copy = strdup(text);
        char *rest = copy, *line;
        int r = copy ? 0 : -ENOMEM;

        while (r >= 0 && (line = strsep(&rest, "\n")))
                r = visit(line, arg);
        return r;
}

static int visit_simulation(char *line, void *arg)
{
        for (size_t i = 0; i < ELEMENTSOF(change_words); i++)
                if (str_has_prefix(line, change_words[i].word))
                        return add_change(arg, change_words[i].kind, line,
                                          line + strlen(change_words[i].word));
        return 0;
}

int apt_parse_simulation(const char *output, struct backend_changes *ret)
{
        CLEANUP(backend_changes_done) struct backend_changes changes = {0};
        int r = apt_for_each_line(output, visit_simulation, &changes);

        if (r < 0)
                return r;
        *ret = changes;
        changes = (struct backend_changes){0};
        return 0;
}

/* ---- apt-get --simulate install ---- */

struct why {
        struct str text;
        bool is_reason; /* the lines now stand below the heading */
};

static void append_word(struct str *text, const char *word)
{
        if (text->length > 0)
                str_append_char(text, ' ');
        str_append_printable(text, word);
}

/* Blanks, which align, become one. */
static void append_words(struct str *text, char *line)
{
        for (char *word = strsep(&line, " "); word; word = strsep(&line, " "))
                if (*word)
                        append_word(text, word);
}

static int visit_why(char *line, void *arg)
{
        struct why *why = arg;

        if (str_has_prefix(line, "The following packages have unmet dependencies")) {
                why->is_reason = true;
                return 0;
        }
        why->is_reason = why->is_reason && line[0] == ' ';
        if (!why->is_reason && !str_has_prefix(line, "Remv "))
                return 0;
        if (why->text.length > 0)
                str_append_char(&why->text, ';');
        if (why->is_reason) {
                append_words(&why->text, line);
                return 0;
        }
        append_word(&why->text, "it would remove");
        append_words(&why->text, line + strlen("Remv "));
        return 0;
}

int apt_parse_why(const char *output, char **ret)
{
        struct why why = {0};
        char *text = NULL;
        int r = apt_for_each_line(output, visit_why, &why);

        if (r < 0) {
                str_done(&why.text);
                return r;
        }
        r = str_take(&why.text, &text);
        if (r >= 0 && !*text) {
                free(text);
                text = NULL;
        }
        if (r >= 0)
                *ret = text;
        return r;
}

/* ---- dpkg --verify ---- */

struct verify_reader {
        struct strv *conffiles, *others;
};

/* "??5?????? c /etc/app.conf", "missing     /usr/bin/app": the mark stands before the path. */
static int visit_verified(char *line, void *arg)
{
        struct verify_reader *reader = arg;
        char *path = strstr(line, " /");

        if (!path || path == line)
                return 0;
        return strv_add(path[-1] == 'c' ? reader->conffiles : reader->others, path + 1);
}

int apt_parse_verify(const char *output, struct strv *ret_conffiles, struct strv *ret_others)
{
        struct verify_reader reader = {ret_conffiles, ret_others};

        return apt_for_each_line(output, visit_verified, &reader);
}

/* ---- locks ---- */

static const char lock_words[] = "Could not get lock ";

static const char *last_lock(const char *text)
{
        const char *last = NULL;

        for (const char *at = text; (at = strstr(at, lock_words)); at += strlen(lock_words))
                last = at + strlen(lock_words);
        return last;
}

/*
 * "Could not get lock FILE. It is held by process 4711 (aptitude)", or "FILE - open (...)". When
 * apt has waited, that stands in its output only ("Waiting for cache lock: ..."), the last in the
 * end, and the error names nobody.
 */
char *apt_parse_lock(const char *output, const char *error_output)
{
        static const char held[] = ". It is held by ";
        const char *file = last_lock(error_output), *holder;
        int line, length;

        if (!file && strstr(error_output, "E: Unable to acquire "))
                file = last_lock(output) ?: "the lock";
        if (!file)
                return NULL;
        line = (int)strcspn(file, "\n");
        holder = strstr(file, held);
        if (!holder || holder > file + line)
                return str_format("another process holds %.*s", line, file);
        length = (int)(holder - file);
        holder += strlen(held);
        line = (int)strcspn(holder, "\n");
        while (line > 0 && holder[line - 1] == '.')
                line--;
        return str_format("%.*s holds %.*s", line, holder, length, file);
}

/* ---- disks ---- */

/* What dpkg and its programs say when it is the host's fault, in the C locale. */
static const char *const disk_words[] = {
    "No space left on device",
    "Read-only file system",
    "Disk quota exceeded",
    "Input/output error",
};

static int visit_cause(char *line, void *arg)
{
        char **cause = arg;

        for (size_t i = 0; !*cause && i < ELEMENTSOF(disk_words); i++)
                if (strstr(line, disk_words[i])) {
                        *cause = strdup(line + strspn(line, " "));
                        return *cause ? 0 : -ENOMEM;
                }
        return 0;
}

char *apt_parse_cause(const char *error_output)
{
        char *cause = NULL;

        return apt_for_each_line(error_output, visit_cause, &cause) < 0 ? NULL : cause;
}

/* ---- APT::Status-Fd ---- */

static const struct {
        const char *word;
        enum backend_status_kind kind;
} status_words[] = {
    {"dlstatus", STATUS_DOWNLOAD},
    {"pmstatus", STATUS_WORK},
    {"pmerror", STATUS_ERROR},
    {"pmconffile", STATUS_CONFFILE},
};

/* dpkg names an archive that it can't unpack instead of the package: FOLDER/NAME_VERSION_ARCH.deb.
 */
static const char *package_of(char *name)
{
        char *slash = strrchr(name, '/');

        if (!slash)
                return name;
        slash[1 + strcspn(slash + 1, "_")] = '\0';
        return slash + 1;
}

/* Four fields; the last may hold colons. */
bool apt_parse_status(char *line, struct backend_status *ret)
{
        char *rest = line, *word = strsep(&rest, ":"), *name = strsep(&rest, ":");
        char *percent = strsep(&rest, ":");

        if (!rest)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(status_words); i++) {
                if (strcmp(word, status_words[i].word) != 0)
                        continue;
                *ret = (struct backend_status){
                    .kind = status_words[i].kind,
                    .name = status_words[i].kind == STATUS_ERROR ? package_of(name) : name,
                    .percent = strtod(percent, NULL),
                    .text = rest};
                return true;
        }
        return false;
}
